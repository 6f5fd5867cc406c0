// Records that other jobs of the run handed on as artifacts.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import { handoffName, imageIdOf, legIdOf } from '@polyarch/documents'
import type { FoundRecord } from './plan.ts'
import { findRecords } from './record-source.ts'
import type { MergeRequest } from './request.ts'

/** The names of the artifacts that hold the records of a request: one for each platform that has a leg. */
export const artifactNames = (request: MergeRequest): string[] => {
  const [first] = request.repositories
  return request.platforms
    .filter((platform) => request.prebuilt[platform] === undefined)
    .map((platform) => handoffName(request.plan, first, request.legs[platform] ?? legIdOf(imageIdOf(first), platform)))
}

/** Fetches the records that there are; what one that is missing means is for the plan to say. */
export const receiveRecords = async (request: MergeRequest, host: Host): Promise<FoundRecord[]> => {
  const directory = await mkdtemp(join(tmpdir(), 'polyarch-records-'))
  try {
    for (const name of await host.receiveFiles(artifactNames(request), directory))
      host.log.warning(`no job of this run handed on ${name}`)
    return (await findRecords([directory], directory)).map((found) => ({ ...found, place: `artifact ${found.place}` }))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
