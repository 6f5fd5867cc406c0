// What an exported application is: its files, layer by layer, its settings, and what it says when it is started.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryDirectory } from '@polyarch/parts'
import type { CommandEnd } from '../command.ts'
import { runInJail } from './jail.ts'
import { environmentOf, listLayer, type PulledImage, unpackImage } from './pulled-image.ts'

/** Starts the image as a container engine would: its user, environment and entrypoint, in a root of its own layers. */
export const startApp = async (image: PulledImage): Promise<CommandEnd> => {
  await using directory = await temporaryDirectory('polyarch-started')
  const root = join(directory.path, 'root')
  await unpackImage(image, root)
  const { User = '0:0', Entrypoint = [], Cmd = [], WorkingDir = '/' } = image.config.config
  const [uid, gid] = User.split(':').map(Number)
  const [program = '', ...args] = [...Entrypoint, ...Cmd]
  try {
    return await runInJail({
      root,
      mounts: [],
      command: [program, ...args],
      user: { uid: uid ?? 0, gid: gid ?? 0 },
      directory: WorkingDir,
      env: environmentOf(image),
    })
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

type Files = Readonly<Record<string, string>>

/**
 * What each layer changes of the file system below it, path to what is there then. A directory that a layer repeats as
 * it was is no change: some engines write the parents of a changed file, others do not.
 */
export const listChanges = async ({ layers }: Pick<PulledImage, 'layers'>): Promise<readonly Files[]> => {
  const state = new Map<string, string>([['/', 'directory 755 0:0']])
  const changes: Files[] = []
  for (const layer of layers) {
    const changed: Record<string, string> = {}
    for (const [path, facts] of Object.entries(await listLayer(layer))) {
      const [, directory = '', name = ''] = /^(.*)\/\.wh\.([^/]+)$/.exec(path) ?? []
      if (name === '') {
        if (state.get(path) !== facts) changed[path] = facts
        state.set(path, facts)
      } else {
        const removed = `${directory}/${name}`
        for (const below of state.keys()) if (below === removed || below.startsWith(`${removed}/`)) state.delete(below)
        changed[removed] = 'removed'
      }
    }
    changes.push(changed)
  }
  return changes
}

/** What made each layer, from the bottom up; where lines of a Dockerfile were joined, engines keep other spaces. */
export const historyOf = ({ config }: Pick<PulledImage, 'config'>): string[] =>
  (config.history ?? [])
    .filter(({ empty_layer }) => !empty_layer)
    .map(({ created_by = '' }) => created_by.replaceAll(/\s+/g, ' '))

/** The labels, those that hold JSON parsed. */
export const readLabels = ({ config }: PulledImage): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(config.config.Labels ?? {}).map(([name, value]) => [
      name,
      /^[[{]/.test(value) ? (JSON.parse(value) as unknown) : value,
    ]),
  )

/** The label in which the lifecycle keeps what it needs for the next build, and for a rebase. */
export const metadataLabel = 'io.buildpacks.lifecycle.metadata'

/** The label that says whether an application may get another run image below it. */
export const rebasableLabel = 'io.buildpacks.rebasable'

export interface LifecycleMetadata {
  readonly runImage: { readonly topLayer: string; readonly reference: string; readonly image: string }
}

/** What the lifecycle keeps in its label. */
export const lifecycleMetadata = (image: PulledImage): LifecycleMetadata =>
  readLabels(image)[metadataLabel] as LifecycleMetadata
