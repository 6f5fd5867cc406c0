// The schema of build-config.yaml, the predecessor's file: one per directory.
import { Failure, formatPlatform, parsePlatform } from '@polyarch/oci'
import { z } from 'zod'
import { content, platform, readBy, tag } from './config-fields.ts'

/** `amd64` is linux/amd64 here. */
export const architecture = readBy((text) => {
  const name = text.includes('/') ? text : `linux/${text}`
  return formatPlatform(parsePlatform(name))
})

/** KEY=value, or KEY for the environment's value. */
const argument = readBy((text) => {
  if (!/^[A-Za-z_]\w*(?:=|$)/.test(text)) throw new Failure('input', `"${text}" is not KEY=value`)
  if (/\$\{?\w/.test(text))
    throw new Failure(
      'input',
      `"${text}": variables are not filled in; write "${text.split('=', 1)[0]}" for the environment’s value`,
    )
  return text
})

const distinctPlatforms = z
  .array(platform)
  .min(1)
  .transform((list) => [...new Set(list)])

export const BuildConfig = z
  .strictObject({
    use_local_context: z.boolean().optional().meta({ description: 'Builds what is in this directory' }),
    upstream_repo: z.string().min(1).optional().meta({ description: 'Builds this git repository instead' }),
    upstream_ref: z.string().min(1).optional().meta({ description: 'Its branch, tag or commit' }),
    dockerfile_path: z.string().min(1).optional().meta({ description: 'Relative to the directory or repository' }),
    context_path: z.string().min(1).optional().meta({ description: 'Relative to the same; default: "."' }),
    target: z.string().optional(),
    build_args: z.array(argument).optional().meta({ description: 'KEY=value, or KEY for the environment’s value' }),
    platforms: distinctPlatforms.optional(),
    additional_tags: z.array(tag).optional(),
    build_backend: z.enum(['kaniko', 'ko']).optional(),
    ko_config: z
      .strictObject({
        import_path: z.string().optional(),
        base_image: z.string().optional(),
        platforms: distinctPlatforms.optional(),
        env: z.array(z.string()).optional(),
        ldflags: z.array(z.string()).optional(),
        working_dir: z.string().optional(),
      })
      .optional(),
    manual_build: z.boolean().optional().meta({ description: 'Every platform is built elsewhere' }),
    manual_images: z.record(architecture, content).optional().meta({ description: 'Architecture to reference' }),
    targets: z
      .array(
        z.strictObject({
          name: z.string().min(1),
          target: z.string().min(1).optional(),
          additional_tags: z.array(tag).optional(),
        }),
      )
      .min(1)
      .optional()
      .meta({ description: 'Several images from one Dockerfile' }),
  })
  .meta({ title: 'build-config.yaml', description: 'How the images of one directory are built.' })
export type BuildConfig = z.output<typeof BuildConfig>
