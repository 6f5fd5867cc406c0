// The facts of the machine and of the programs that figures depend on.
import { execFile } from 'node:child_process'
import { cpus, release, totalmem } from 'node:os'
import { promisify } from 'node:util'
import { type PeerName, partPath, peerVersion } from '@polyarch/parts'
import { contenderParts } from './contender.ts'

/** One fact to a line: what it is about, and the fact. */
export type Facts = readonly (readonly [subject: string, fact: string])[]

const skopeoVersion = async (): Promise<string> => {
  const { stdout } = await promisify(execFile)(partPath('skopeo'), ['--version'])
  return stdout.trim().replace(/^skopeo version /, '')
}

/** Whether other work takes so much of the machine that only requests and memory can be relied on. */
export const isBusy = (load: number): boolean => load > cpus().length / 2

/** What stands above the figures; `load` is what else the machine was doing, in processes that wanted a core. */
export const readFacts = async (storage: string, load: number): Promise<Facts> => {
  const [processor] = cpus()
  const versions = await Promise.all(
    contenderParts.map(async (tool) =>
      tool === 'skopeo' ? `skopeo ${await skopeoVersion()} (Debian)` : `${tool} ${peerVersion(tool as PeerName)}`,
    ),
  )
  return [
    ['Date', new Date().toISOString().slice(0, 10)],
    ['Processor', `${processor?.model.trim()}, ${cpus().length} cores`],
    ['Memory', `${Math.round(totalmem() / 1e9)} GB`],
    ['Kernel', `${process.platform} ${release()} ${process.arch}`],
    [
      'Other work when it began',
      `load average ${load.toFixed(1)}${isBusy(load) ? ': busy, so its times are rough' : ''}`,
    ],
    ['Layouts and registry on', storage],
    ['Server', `distribution ${peerVersion('distribution-3')}`],
    ['Polyarch on', `Node ${process.versions.node}`],
    ['Peers', versions.join(', ')],
  ]
}
