// The layout directory keeps the contract of every store.
import { join } from 'node:path'
import { type TemporaryDirectory, temporaryDirectory } from '@polyarch/parts'
import { describeStore } from '@polyarch/parts/store-contract'
import { afterAll, beforeAll } from 'vitest'
import { openLayout } from './index.ts'

let temporary: TemporaryDirectory
beforeAll(async () => {
  temporary = await temporaryDirectory('layout')
})
afterAll(() => temporary[Symbol.asyncDispose]())

describeStore('an OCI layout directory', (repository) => openLayout(join(temporary.path, repository)))
