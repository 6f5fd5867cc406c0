// The fields that both config formats have, as zod schemas.
import { Failure, formatPlatform, isTag, parseContentLocation, parsePlatform } from '@polyarch/oci'
import { z } from 'zod'
import { checkTagTemplate } from './tag-template.ts'

/** A text that a parser checks and rewrites; the Failure that it throws becomes the problem. */
export const readBy = <T>(parse: (text: string) => T) =>
  z.string().transform((text, context): T => {
    try {
      return parse(text)
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      context.addIssue({ code: 'custom', message: error.message })
      return z.NEVER
    }
  })

export const platform = readBy((text) => formatPlatform(parsePlatform(text))).meta({
  description: 'os/architecture[/variant], for example linux/arm64',
})

export const platforms = z
  .union([z.literal('auto'), z.array(platform).min(1)])
  .transform((value) => (value === 'auto' ? value : [...new Set(value)]))
  .meta({ description: 'What to build for, or auto: the platforms that all base images have in common' })

export const tag = z
  .string()
  .check((context) => {
    const message = context.value.includes('{{')
      ? checkTagTemplate(context.value)
      : isTag(context.value)
        ? undefined
        : `"${context.value}" is not a tag: letters, digits, _ . - and at most 128 characters`
    if (message !== undefined) context.issues.push({ code: 'custom', message, input: context.value })
  })
  .meta({ description: 'A tag, or a template such as {{version}}' })

export const content = readBy((text) => {
  parseContentLocation(text)
  return text
}).meta({ description: 'HOST/NAME@DIGEST or HOST/NAME:TAG' })
