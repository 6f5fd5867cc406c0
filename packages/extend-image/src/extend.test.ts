// Extends a run image with a real kaniko executor in the jail, and reads what the exporter would read.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { lacks, partPath } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { openScene } from './testing/lifecycle-scene.ts'

const user = process.getuid?.() === 0 ? 'root' : 'user-namespaces'

describe.skipIf(lacks('kaniko-1.25.15', user, 'docker-registry', 'busybox-amd64', 'busybox-arm64'))(
  'a run image',
  () => {
    test('gets the layers of its extensions', async () => {
      await using scene = await openScene({
        generated: {
          'acme/tools': {
            'run.Dockerfile': `ARG base_image\nFROM \${base_image}\nUSER root\nARG build_id=0\nRUN echo \${build_id} > /made && cat /etc/passwd > /dev/null\nRUN true\nARG user_id\nARG group_id\nUSER \${user_id}:\${group_id}\n`,
          },
        },
      })
      const outputs = await scene.extend({ executor: partPath('kaniko-1.25.15') })
      const [name] = await readdir(join(scene.layers, 'extended/run'))
      expect(name).toBe(outputs.digest)
    })
  },
)
