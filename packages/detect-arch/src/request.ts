// Finds out what was asked for: config files or single-image inputs, with what the inputs say on top.
import { type Host, parseInput } from '@polyarch/ci-host'
import { type EngineName, engineNames } from '@polyarch/dockerfile'
import { formatPlatform, inputFailure, parsePlatform, parseStoreLocation } from '@polyarch/oci'
import { defaultConfig, readConfigFiles } from './config-files.ts'
import type { ImageRequest, PlanRequest } from './image-request.ts'
import type { Inputs } from './inputs.ts'
import { parseRunnerLines } from './runner-map.ts'
import { describesDetails, describesImage, readSingleImage, withDetails } from './single-image.ts'
import { suggestWord } from './spelling.ts'

/** The images that files or inputs describe, before inputs for all images are laid over them; undefined: none do. */
const readImages = async (inputs: Inputs, host: Host): Promise<PlanRequest | undefined> => {
  const single = (): PlanRequest => ({
    images: [readSingleImage(inputs, host.directory)],
    runners: {},
    files: [],
    skipped: new Map(),
  })
  if (describesImage(inputs)) {
    if (inputs.config !== undefined)
      throw inputFailure(
        'inputs config and image, context or dockerfile exclude each other: describe the image in one place',
      )
    return single()
  }
  const request = await readConfigFiles(inputs.config, host)
  if (request === undefined) return describesDetails(inputs) ? single() : undefined
  if (!describesDetails(inputs)) return request
  const [only, ...others] = inputs.images.length > 0 ? inputs.images : request.images.map(({ id }) => id)
  if (only === undefined || others.length > 0)
    throw inputFailure('inputs target, build-args, tags, labels and annotations are for one image: name it in images')
  return {
    ...request,
    images: request.images.map((image) => (image.id === only ? withDetails(image, inputs) : image)),
  }
}

const readPlatforms = (platforms: readonly string[]): readonly string[] | 'auto' => {
  if (platforms.length === 1 && platforms[0] === 'auto') return 'auto'
  return [...new Set(platforms.map((platform) => formatPlatform(parseInput('platforms', platform, parsePlatform))))]
}

const readEngines = (names: readonly string[]): EngineName[] =>
  names.map((name) => {
    const engine = engineNames.find((known) => known === name)
    if (engine !== undefined) return engine
    throw inputFailure(`input engines: expected ${engineNames.join(', ')}; found "${name}"`)
  })

const withRegistry = (image: ImageRequest, registry: string): ImageRequest => {
  const repository = `${registry.replace(/\/+$/, '')}/${image.id}`
  parseInput('registry', repository, parseStoreLocation)
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
    engines: inputs.engines.length > 0 ? readEngines(inputs.engines) : request.engines,
    runners: Object.hasOwn(runners, 'default') ? runners : { ...request.runners, ...runners },
  }
}
