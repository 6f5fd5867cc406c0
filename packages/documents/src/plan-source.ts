// Where the plan comes from that the input `plan` names: its JSON, a file, or an artifact of the job that planned.
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { inputFailure } from '@polyarch/oci'
import { parsePlan } from './document.ts'
import { readDocumentText } from './document-file.ts'
import type { Plan } from './plan.ts'

/** What a plan is read from: the workspace, and what other jobs of the run handed on. */
export interface PlanPlace {
  readonly directory: string
  /** Fetches artifacts, each into a directory of its name; gives the names that no job sent. */
  receiveFiles(names: readonly string[], directory: string): Promise<readonly string[]>
}

const artifactScheme = 'artifact:'

/** The text by which the input `plan` names an artifact. */
export const artifactReference = (name: string): string => `${artifactScheme}${name}`

/**
 * The name of the artifact that the input `plan` refers to; undefined where it is none.
 * @throws {Failure} input, for a name that is a path.
 */
export const parseArtifactReference = (value: string): string | undefined => {
  if (!value.startsWith(artifactScheme)) return undefined
  const name = value.slice(artifactScheme.length)
  if (!/^[\w-][\w.-]*$/.test(name)) throw inputFailure(`input plan: "${name}" is not the name of an artifact`)
  return name
}

/**
 * Fetches an artifact of one file for as long as the work takes.
 * @throws {Failure} input, when no job of this run sent it.
 */
export const withArtifact = async <T>(
  name: string,
  place: PlanPlace,
  work: (file: string) => Promise<T>,
): Promise<T> => {
  const directory = await mkdtemp(join(tmpdir(), 'polyarch-artifact-'))
  try {
    const missing = await place.receiveFiles([name], directory)
    const [file, ...others] = missing.length > 0 ? [] : await readdir(join(directory, name))
    if (file === undefined || others.length > 0)
      throw inputFailure(`input plan: no job of this run handed on ${name}: detect-arch does, with handoff: artifact`)
    return await work(join(directory, name, file))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/**
 * The plan that the input `plan` holds: its JSON, the path of its file, or `artifact:` and the name of its artifact.
 * @throws {Failure} input, when it cannot be read or is no plan; verification, when it was changed after planning.
 */
export const readPlan = async (value: string, place: PlanPlace): Promise<Plan> => {
  if (value.trimStart().startsWith('{')) return parsePlan(value, 'input plan')
  const name = parseArtifactReference(value)
  if (name === undefined) return parsePlan(await readDocumentText('plan', resolve(place.directory, value)), value)
  return await withArtifact(name, place, async (file) => parsePlan(await readDocumentText('plan', file), value))
}
