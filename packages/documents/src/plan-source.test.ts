// Plans from JSON, files and artifacts.
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { temporaryDirectory } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { formatDocument } from './document.ts'
import { writeDocument } from './document-file.ts'
import { planArtifact } from './naming.ts'
import { sealPlan } from './plan.ts'
import { artifactReference, type PlanPlace, readPlan } from './plan-source.ts'

const plan = sealPlan({
  source: { repository: null, revision: null, created: null },
  images: [],
  legs: [],
  skipped: [{ image: 'web', reason: 'unchanged' }],
})

/** A stand-in for GitHub's artifacts, which exist nowhere else: what was sent under a name lies in a map. */
const placeWithArtifacts = (directory: string, artifacts: ReadonlyMap<string, string> = new Map()): PlanPlace => ({
  directory,
  receiveFiles: async (names, target) => {
    for (const name of names.filter((wanted) => artifacts.has(wanted))) {
      await mkdir(join(target, name))
      await writeFile(join(target, name, 'plan.json'), artifacts.get(name)!)
    }
    return names.filter((name) => !artifacts.has(name))
  },
})

const reference = artifactReference(planArtifact(plan.id))
const leftOver = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('polyarch-artifact-'))

describe('a plan', () => {
  test('is read from a file or from its JSON', async () => {
    await using directory = await temporaryDirectory()
    const place = placeWithArtifacts(directory.path)
    await writeDocument(join(directory.path, 'deep/plan.json'), plan)
    await expect(readPlan('deep/plan.json', place)).resolves.toEqual(plan)
    await expect(readPlan(` ${JSON.stringify(plan)}`, place)).resolves.toEqual(plan)
  })

  test('is read from the artifact of the job that planned, of which nothing stays', async () => {
    const before = await leftOver()
    const sent = new Map([[planArtifact(plan.id), formatDocument(plan)]])
    await expect(readPlan(reference, placeWithArtifacts('/nonexistent', sent))).resolves.toEqual(plan)
    expect(await leftOver()).toEqual(before)
  })

  test('that was changed on its way is refused', async () => {
    const changed = { ...plan, skipped: [] }
    const sent = new Map([[planArtifact(plan.id), JSON.stringify(changed)]])
    await expect(readPlan(reference, placeWithArtifacts('/nonexistent', sent))).rejects.toMatchObject({
      kind: 'verification',
    })
  })

  test.each([
    ['of a file that is not there', 'plan.json', /^input plan: cannot read .*plan\.json \(ENOENT\)$/],
    ['that no job handed on', reference, /^input plan: no job of this run handed on polyarch-\w{12}-plan: /],
    ['whose artifact is a path', 'artifact:../x', /^input plan: "\.\.\/x" is not the name of an artifact$/],
  ])('%s is bad input and named', async (_what, value, message) => {
    await using directory = await temporaryDirectory()
    await expect(readPlan(value, placeWithArtifacts(directory.path))).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringMatching(message),
    })
  })
})
