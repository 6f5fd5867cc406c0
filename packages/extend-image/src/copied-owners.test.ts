// Whose the files are that extensions copy.
import { chown } from 'node:fs/promises'
import { join } from 'node:path'
import { lacks, temporaryDirectory } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { findCopies, findOwner, writeOwner } from './copied-owners.ts'
import { writeFiles } from './testing/lifecycle-scene.ts'

describe.skipIf(lacks('root'))('a context', () => {
  test('has the owner that all of it has', async () => {
    await using directory = await temporaryDirectory()
    await writeFiles(directory.path, { 'a/b/c': '', d: '' })
    expect(await findOwner(directory.path, 0)).toEqual({ uid: 0, gid: 0 })
    for (const name of ['', 'a', 'a/b', 'a/b/c', 'd']) await chown(join(directory.path, name), 1000, 1001)
    expect(await findOwner(directory.path, 0)).toEqual({ uid: 1000, gid: 1001 })
    expect(await findOwner(directory.path, 1000)).toEqual({ uid: 0, gid: 0 })
    await chown(join(directory.path, 'a/b/c'), 1000, 1000)
    expect(await findOwner(directory.path, 0)).toBeUndefined()
  })
})

test('is written where an instruction copies from the context and says none', () => {
  const text = `ARG base_image
FROM \${base_image}
COPY a /a
  copy --chmod=644 \\
    b /b
COPY --chown=5 c /c
COPY --from=other d /d
COPY <<EOF /e
COPY f /f
EOF
ADD g.tar.gz /g
ADD https://example.com/h /h
ADD ["i", "/i"]
RUN COPY j
`
  const copies = findCopies(text)
  expect(copies.map(({ line }) => line)).toEqual([3, 4, 13])
  const written = writeOwner(text, copies, { uid: 1000, gid: 1001 }).split('\n')
  expect(written.flatMap((line, index) => (line === text.split('\n')[index] ? [] : [line]))).toEqual([
    'COPY --chown=1000:1001 a /a',
    '  copy --chown=1000:1001 --chmod=644 \\',
    'ADD --chown=1000:1001 ["i", "/i"]',
  ])
})
