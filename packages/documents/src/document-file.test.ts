// Documents on disk are whole, whatever interrupts the writing.
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryDirectory } from '@polyarch/parts'
import { expect, test } from 'vitest'
import { writeDocument } from './document-file.ts'
import { sealPlan } from './plan.ts'

const plan = sealPlan({
  source: { repository: null, revision: null, created: null },
  images: [],
  legs: [],
  skipped: [{ image: 'web', reason: 'unchanged' }],
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
