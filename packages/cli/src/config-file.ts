// What init and migrate share: a polyarch.yaml that is written where there is none.
import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { boolean, type Host, text } from '@polyarch/ci-host'
import { defaultConfig, type WrittenConfig } from '@polyarch/detect-arch'
import { inputFailure } from '@polyarch/oci'
import { z } from 'zod'

export const inputs = z.object({
  config: text('The file to write', { default: defaultConfig }),
  force: boolean('Replaces the file where there is one', false),
})

export const outputs = z.object({
  config: z.string().describe('The file that was written'),
  images: z.array(z.string()).describe('The ids of the images in it'),
})

/** Writes the config, and says what it holds. */
export const writeConfig = async (
  { config, force }: z.output<typeof inputs>,
  { text: content, images, notes }: WrittenConfig,
  host: Host,
): Promise<z.output<typeof outputs>> => {
  try {
    await writeFile(resolve(host.directory, config), content, { flag: force ? 'w' : 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw inputFailure(`input config: there is a ${config} already: --force replaces it`, { cause: error })
  }
  host.log.info(`${config} has ${images.join(', ')}; polyarch detect-arch shows what will be built`)
  for (const note of notes) host.log.info(note)
  return { config, images: [...images] }
}
