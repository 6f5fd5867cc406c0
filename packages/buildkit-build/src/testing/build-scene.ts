// What tests of builds need: a workspace, a build in this process, and the image that came of it.
import { readFile, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { openHost, parseInputs, type RawInputs } from '@polyarch/ci-host'
import { readLayer } from '@polyarch/engine'
import { openLayout } from '@polyarch/layout'
import { type ImageConfig, type Manifest, parseImageConfig, parseManifest } from '@polyarch/oci'
import { partPath } from '@polyarch/parts'
import type { Outputs } from '../outputs.ts'
import { step } from '../step.ts'

/** PATH with buildkitd and buildctl, which lie side by side. */
export const toolPath = (): string => [dirname(partPath('buildkit')), process.env['PATH']].join(delimiter)

/** Runs the step in the workspace with the given Dockerfile; the layout goes to `out`. */
export const build = async (workspace: string, dockerfile: string, raw: RawInputs = {}): Promise<Outputs> => {
  await writeFile(join(workspace, 'Dockerfile'), dockerfile)
  const host = openHost({ PATH: toolPath(), HOME: join(workspace, '.home') }, workspace)
  return await step.run(parseInputs(step, { layout: 'out', ...raw }), host)
}

export interface BuiltImage {
  readonly manifest: Manifest
  readonly config: ImageConfig & { readonly history?: readonly unknown[] }
  /** The small files of all layers: path to content and mode. */
  readonly files: Readonly<Record<string, { readonly text: string; readonly mode: number; readonly owner: string }>>
}

/** The one image of a layout. */
export const readImage = async ({ layout, digest }: Pick<Outputs, 'layout' | 'digest'>): Promise<BuiltImage> => {
  const store = openLayout(layout)
  const manifest = parseManifest((await store.getManifest(digest)).bytes)
  const files: Record<string, { text: string; mode: number; owner: string }> = {}
  for (const layer of manifest.layers)
    await readLayer('layer', store.getBlob(layer), async ({ path, type, mode, size, uid, gid, content }) => {
      if (type === 'file' && size < 10_000)
        files[path] = { text: (await buffer(content)).toString(), mode: mode & 0o7777, owner: `${uid}:${gid}` }
    })
  return { manifest, config: parseImageConfig(await buffer(store.getBlob(manifest.config))), files }
}

/** What is mounted in the workspace; other tests of this machine mount things elsewhere. */
export const readMounts = async (workspace: string): Promise<string[]> =>
  (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').filter((line) => line.includes(workspace))
