// Outputs for GitLab: a dotenv report for short texts, a file for what does not fit into one.
// https://docs.gitlab.com/ci/yaml/artifacts_reports/#artifactsreportsdotenv

/** GitLab's limit for a dotenv file, in bytes. */
const dotenvLimit = 5 * 1024

/** A longer text, in bytes, goes into a file of its own. */
const longestValue = 1024

export interface DotenvReport {
  /** Lines of NAME=value. */
  readonly text: string
  /** The outputs that the dotenv only names: path to content. */
  readonly files: Readonly<Record<string, string>>
}

/** The variable that carries an output: merge-matrix is MERGE_MATRIX. */
export const outputVariable = (name: string): string => name.toUpperCase().replaceAll('-', '_')

const isJsonDocument = (value: string): boolean => /^[[{]/.test(value)

const fits = (value: string): boolean =>
  Buffer.byteLength(value) <= longestValue && !/[\r\n"'`\\]/.test(value) && value === value.trim()

/**
 * The dotenv report of a step's outputs. A JSON document, or a text that dotenv cannot carry, is written to
 * `<directory>/<step>.<output>.json` (or .txt), and its variable holds that path: inputs take a path as well.
 */
export const formatDotenv = (
  step: string,
  outputs: Readonly<Record<string, string>>,
  directory: string,
): DotenvReport => {
  const files: Record<string, string> = {}
  const lines = Object.entries(outputs).map(([name, value]) => {
    if (!isJsonDocument(value) && fits(value)) return `${outputVariable(name)}=${value}\n`
    const path = `${directory}/${step}.${name}.${isJsonDocument(value) ? 'json' : 'txt'}`
    files[path] = value
    return `${outputVariable(name)}=${path}\n`
  })
  const text = lines.join('')
  if (Buffer.byteLength(text) > dotenvLimit)
    throw new Error(
      `the outputs of ${step} need ${Buffer.byteLength(text)} bytes of dotenv: GitLab takes ${dotenvLimit}`,
    )
  return { text, files }
}
