// Finds out what was asked for: polyarch.yaml or single-image inputs, with what the inputs say on top.
import { readFile } from 'node:fs/promises'
import { isAbsolute, relative, resolve } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import { formatPlatform, inputFailure, parsePlatform, parseStoreLocation } from '@polyarch/oci'
import { readConfig } from './config.ts'
import type { ImageRequest, PlanRequest } from './image-request.ts'
import type { Inputs } from './inputs.ts'
import { parseRunnerLines } from './runner-map.ts'
import { describesDetails, describesImage, readSingleImage, withDetails } from './single-image.ts'
import { suggestWord } from './spelling.ts'

const defaultConfig = 'polyarch.yaml'

const readText = async (file: string, required: boolean): Promise<string | undefined> => {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (!required && code === 'ENOENT') return undefined
    throw inputFailure(`cannot read ${file}: ${code ?? String(error)}`, { cause: error })
  }
}

/** The images that files or inputs describe, before inputs for all images are laid over them; undefined: none do. */
const readImages = async (inputs: Inputs, host: Host): Promise<PlanRequest | undefined> => {
  const single = (): PlanRequest => ({
    images: [readSingleImage(inputs, host.env, host.directory)],
    runners: {},
    files: [],
  })
  if (describesImage(inputs)) {
    if (inputs.config !== undefined)
      throw inputFailure(
        'inputs config and image, context or dockerfile exclude each other: describe the image in one place',
      )
    return single()
  }
  const path = resolve(host.directory, inputs.config ?? defaultConfig)
  const text = await readText(path, inputs.config !== undefined)
  if (text === undefined) return describesDetails(inputs) ? single() : undefined
  const below = relative(host.directory, path)
  const request = readConfig(text, below.startsWith('..') || isAbsolute(below) ? path : below)
  if (!describesDetails(inputs)) return request
  const [only, ...others] = inputs.images.length > 0 ? inputs.images : request.images.map(({ id }) => id)
  if (only === undefined || others.length > 0)
    throw inputFailure('inputs target, build-args, tags, labels and annotations are for one image: name it in images')
  return {
    ...request,
    images: request.images.map((image) => (image.id === only ? withDetails(image, inputs, host.env) : image)),
  }
}

const readPlatforms = (platforms: readonly string[]): readonly string[] | 'auto' => {
  if (platforms.length === 1 && platforms[0] === 'auto') return 'auto'
  return [...new Set(platforms.map((platform) => formatPlatform(parsePlatform(platform))))]
}

const withRegistry = (image: ImageRequest, registry: string): ImageRequest => {
  const repository = `${registry.replace(/\/+$/, '')}/${image.id}`
  parseStoreLocation(repository)
  return { ...image, repositories: [repository] }
}

/**
 * What the inputs and files ask for; undefined when they ask for nothing.
 * @throws {Failure} input, with the place of everything that is wrong.
 */
export const readRequest = async (inputs: Inputs, host: Host): Promise<PlanRequest | undefined> => {
  const request = await readImages(inputs, host)
  const runners = parseRunnerLines(inputs.runners)
  const platforms = readPlatforms(inputs.platforms)
  if (request === undefined) {
    if (inputs.images.length > 0)
      throw inputFailure(`input images: there is no ${defaultConfig} that could have ${inputs.images.join(', ')}`)
    return undefined
  }
  const known = request.images.map(({ id }) => id)
  for (const id of inputs.images)
    if (!known.includes(id)) throw inputFailure(`input images: there is no image "${id}"${suggestWord(id, known)}`)
  const images = request.images
    .map((image) => (platforms.length === 0 ? image : { ...image, platforms }))
    .map((image) => (inputs.engine === 'auto' ? image : { ...image, engine: inputs.engine }))
    .map((image) => (inputs.emulate === 'auto' ? image : { ...image, emulate: inputs.emulate }))
    .map((image) => (inputs.registry === undefined ? image : withRegistry(image, inputs.registry)))
  // One runner for everything is one runner for everything: what the config says of single platforms gives way to it.
  return {
    ...request,
    images,
    runners: Object.hasOwn(runners, 'default') ? runners : { ...request.runners, ...runners },
  }
}
