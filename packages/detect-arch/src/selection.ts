// Which of the images are wanted at all: those that inputs name, or those on the list of a scheduled run.
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import { inputFailure } from '@polyarch/oci'
import { isScheduled } from './change-base.ts'
import type { ImageRequest } from './image-request.ts'
import type { Inputs } from './inputs.ts'
import { type Problem, problemsFailure } from './problem.ts'
import { suggestWord } from './spelling.ts'

export interface Selection {
  readonly chosen: readonly ImageRequest[]
  /** Why the others are not, by id. */
  readonly skipped: ReadonlyMap<string, string>
  /** Whether everything chosen is built, changed or not. */
  readonly forced: boolean
}

/** An entry of a list names an image by its id, or by the directory that it is built from. */
const findImage = (entry: string, images: readonly ImageRequest[]): ImageRequest | undefined => {
  const directory = entry.replace(/^\.\//, '').replace(/\/+$/, '')
  return (
    images.find(({ id }) => id === entry) ??
    images.find(({ build, extend }) => (build ?? extend)?.context === directory)
  )
}

const readList = async (file: string, directory: string, images: readonly ImageRequest[]): Promise<ImageRequest[]> => {
  let text: string
  try {
    text = await readFile(resolve(directory, file), 'utf8')
  } catch (error) {
    throw inputFailure(`input schedule: cannot read ${file}: ${(error as NodeJS.ErrnoException).code}`, {
      cause: error,
    })
  }
  const problems: Problem[] = []
  const listed = text.split(/\r?\n/).flatMap((line, index) => {
    const entry = line.replace(/(?:^|\s)#.*$/, '').trim()
    if (entry === '') return []
    const image = findImage(entry, images)
    if (image) return [image]
    const known = images.map(({ id }) => id)
    problems.push({
      place: { file, line: index + 1 },
      message: `there is no image "${entry}"${suggestWord(entry, known)}`,
    })
    return []
  })
  if (problems.length > 0) throw problemsFailure(problems)
  return listed
}

/**
 * The images that this run is for.
 * @throws {Failure} input, for a list that names images which do not exist.
 */
export const selectImages = async (
  images: readonly ImageRequest[],
  inputs: Pick<Inputs, 'images' | 'schedule'>,
  host: Pick<Host, 'kind' | 'env' | 'directory' | 'log'>,
): Promise<Selection> => {
  const select = (isChosen: (image: ImageRequest) => boolean, reason: string, forced: boolean): Selection => ({
    chosen: images.filter(isChosen),
    skipped: new Map(images.filter((image) => !isChosen(image)).map(({ id }) => [id, reason])),
    forced,
  })
  if (inputs.images.length > 0)
    return select(({ id }) => inputs.images.includes(id), 'not among the images asked for', false)
  if (inputs.schedule === undefined) return select(() => true, '', false)
  if (!isScheduled(host)) {
    host.log.info(`${inputs.schedule} is for scheduled runs: this is none, so it is not read`)
    return select(() => true, '', false)
  }
  const listed = await readList(inputs.schedule, host.directory, images)
  return select((image) => listed.includes(image), `not in ${inputs.schedule}`, true)
}
