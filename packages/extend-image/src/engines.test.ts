// The same extensions with every engine: the layers hold the same files, and the configs are the same.
import { execFile } from 'node:child_process'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { lacks, partPath } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { type ExtendedRun, type LayerLines, readExtendedRun } from './testing/extended-run.ts'
import { type GeneratedFiles, openScene } from './testing/lifecycle-scene.ts'

const execFileDone = promisify(execFile)

const user = process.getuid?.() === 0 ? 'root' : 'user-namespaces'

/** Two extensions that do what extensions do, and what engines are known to do each in their own way. */
const generated = {
  'acme/tools': {
    'run.Dockerfile': `ARG base_image
FROM \${base_image}
ARG tool=none
USER root
RUN echo "tool \${tool}" > /etc/tool && mkdir -p /opt/tool/deep && echo x > /opt/tool/deep/file && chown -R 5:6 /opt/tool
RUN true
RUN cat /etc/hosts > /dev/null; touch /workspace-free; echo written > /workspace/by-extension 2> /dev/null; true
COPY tool.txt /opt/tool/
COPY --chown=7:8 directory /opt/copied
ENV TOOL=/opt/tool
LABEL tool=yes
RUN rm /cnb/run && ln -s /opt/tool /tool
`,
    'extend-config.toml': '[[run.args]]\nname = "tool"\nvalue = "curl"\n',
    'context/tool.txt': 'a tool\n',
    'context/directory/nested/file': 'nested\n',
  },
  user: {
    'run.Dockerfile': `ARG base_image
FROM \${base_image}
ARG user_id
ARG group_id
ARG build_id
WORKDIR /opt/work/deep
RUN echo "\${user_id}:\${group_id} \${#build_id}" > /etc/ids
USER 1000:1000
RUN id -u > /tmp/who
`,
  },
}

const flatten = (layers: readonly LayerLines[]): LayerLines => Object.assign({}, ...layers) as LayerLines

/** What is compared: all of a layer, without the order of its entries. */
const describeRun = ({ layers, config, manifest }: ExtendedRun, baseLayers: number) => ({
  files: flatten(layers),
  layers: layers.map((layer) => Object.keys(layer).sort()),
  config: config.config,
  rest: { os: config.os, architecture: config.architecture, created: config['created'] },
  history: (config['history'] as { created_by?: string }[]).slice(baseLayers).map((entry) => entry.created_by),
  base: manifest.layers.slice(0, baseLayers).map(({ digest }) => digest),
  types: manifest.layers.map(({ mediaType }) => mediaType),
})

/** Directories that instructions make besides what they are for. */
const withDirectories = {
  directories: {
    'run.Dockerfile': `ARG base_image
FROM \${base_image}
ARG file=file
WORKDIR /srv/user/deep
USER root
VOLUME /opt/volume /srv/volume
ENV DIRECTORY=/opt/work
WORKDIR \${DIRECTORY}/deep
RUN echo x > \${file}
WORKDIR below
USER 1000:1000
RUN touch /tmp/mine
WORKDIR /opt/work
WORKDIR /srv/last
`,
  },
}

const extendWith = async (files: GeneratedFiles, inputs: Readonly<Record<string, string>>) => {
  await using scene = await openScene({ generated: files, programs: [dirname(partPath('buildkit'))] })
  if (user === 'root') await execFileDone('chown', ['-R', '1000:1001', scene.layers])
  await scene.extend(inputs)
  return describeRun(await readExtendedRun(join(scene.layers, 'extended/run')), 3)
}

const kaniko = () => ({ executor: partPath('kaniko-1.25.15') })
const others = ['buildah', 'buildkit'] as const

describe.skipIf(
  lacks('kaniko-1.25.15', 'buildah', 'buildkit', user, 'docker-registry', 'busybox-amd64', 'busybox-arm64'),
)('the same extensions', () => {
  test('give the same layers and config with kaniko, buildah and BuildKit', { timeout: 120_000 }, async () => {
    const expected = await extendWith(generated, kaniko())
    expect(expected.files['etc/ids']).toContain('root: 36')
    expect(expected.files['opt/tool/deep/file']).toBe('file 644 5:6 x\n')
    expect(expected.layers).toHaveLength(8)
    expect(expected.history).toHaveLength(8)
    for (const engine of others)
      expect({ engine, ...(await extendWith(generated, { engine })) }).toEqual({ engine, ...expected })
  })

  test('make the same directories with every engine', { timeout: 120_000 }, async () => {
    const expected = await extendWith(withDirectories, kaniko())
    expect(Object.keys(expected.files)).toContain('opt/work/deep/below/')
    expect(expected.files['srv/user/']).toBe('directory 755 0:0 ')
    expect(expected.files['srv/user/deep/']).toBe('directory 755 1000:1001 ')
    for (const engine of others) {
      const { files, config, base } = await extendWith(withDirectories, { engine })
      // Only the place of the volumes' directories in the layers is each engine's own.
      expect({ engine, files, config, base }).toEqual({
        engine,
        files: expected.files,
        config: expected.config,
        base: expected.base,
      })
    }
  })
})
