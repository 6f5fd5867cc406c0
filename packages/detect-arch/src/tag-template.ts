// Tag templates: `{{version}}` and its like, filled in from git facts.
import { suggestWord } from './spelling.ts'

/** The words that a template may hold, with what they become. */
export const templateWords = {
  branch: 'the branch, with / as -',
  tag: 'the git tag, with / as -',
  version: 'the git tag as a semantic version, without v',
  major: 'its first number',
  minor: 'its second number',
  patch: 'its third number',
  sha: 'the commit, 40 hex digits',
  'short-sha': 'the commit, 7 hex digits',
  date: 'the commit’s day, YYYYMMDD, UTC',
  pr: 'the number of the pull or merge request',
} as const
export type TemplateWord = keyof typeof templateWords

/** What is known of the commit that is built; a word that is missing leaves out the tags that use it. */
export type TemplateFacts = Readonly<Partial<Record<TemplateWord, string>>>

const placeholder = /\{\{\s*([^{}]*?)\s*\}\}/g

/** What is wrong with a template, or undefined. */
export const checkTagTemplate = (template: string): string | undefined => {
  for (const [, word = ''] of template.matchAll(placeholder))
    if (!Object.hasOwn(templateWords, word))
      return `{{${word}}} is not known${suggestWord(word, Object.keys(templateWords))}`
  const rest = template.replaceAll(placeholder, 'x')
  return /^\w[\w.-]{0,127}$/.test(rest) ? undefined : `"${template}" is not a tag whatever is filled in`
}

export type FilledTag = { readonly tag: string } | { readonly missing: TemplateWord }

/** The tag with its words filled in, or the first word that nothing is known of. */
export const fillTagTemplate = (template: string, facts: TemplateFacts): FilledTag => {
  let missing: TemplateWord | undefined
  const tag = template.replaceAll(placeholder, (_, word: TemplateWord) => {
    const value = facts[word]
    if (value === undefined) missing ??= word
    return value ?? ''
  })
  return missing === undefined ? { tag } : { missing }
}
