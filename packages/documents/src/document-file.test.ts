import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryDirectory } from '@polyarch/parts'
import { expect, test } from 'vitest'
import { readPlan, writeDocument } from './document-file.ts'
import { sealPlan } from './plan.ts'

const plan = sealPlan({
  source: { repository: null, revision: null, created: null },
  images: [],
  legs: [],
  skipped: [{ image: 'web', reason: 'unchanged' }],
})

test('a plan is read from a file or from its JSON', async () => {
  await using directory = await temporaryDirectory()
  await writeDocument(join(directory.path, 'deep/plan.json'), plan)
  await expect(readPlan('deep/plan.json', directory.path)).resolves.toEqual(plan)
  await expect(readPlan(` ${JSON.stringify(plan)}`, directory.path)).resolves.toEqual(plan)
})

test('a plan that cannot be read is bad input and named', async () => {
  await using directory = await temporaryDirectory()
  await expect(readPlan('plan.json', directory.path)).rejects.toMatchObject({
    kind: 'input',
    message: expect.stringMatching(/^input plan: cannot read .*plan\.json \(ENOENT\)$/),
  })
})

test('writing replaces the file and leaves nothing else', async () => {
  await using directory = await temporaryDirectory()
  const file = join(directory.path, 'plan.json')
  await writeFile(file, 'old')
  await writeDocument(file, plan)
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(plan)
  expect(await readdir(directory.path)).toEqual(['plan.json'])
})

test('a write that fails leaves nothing behind', async () => {
  await using directory = await temporaryDirectory()
  await writeDocument(join(directory.path, 'taken/inner.json'), plan)
  await expect(writeDocument(join(directory.path, 'taken'), plan)).rejects.toThrow()
  expect(await readdir(directory.path)).toEqual(['taken'])
})
