// Lines that the GitHub runner understands as commands, and lines that it must not.
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands

const escapeData = (text: string): string => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')

const escapeProperty = (text: string): string => escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C')

/** `::name key=value,…::message`; properties without a value are left out. */
export const formatCommand = (
  name: string,
  message: string,
  properties: Readonly<Record<string, string | number | undefined>> = {},
): string => {
  const pairs = Object.entries(properties).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${escapeProperty(String(value))}`],
  )
  return `::${name}${pairs.length > 0 ? ` ${pairs.join(',')}` : ''}::${escapeData(message)}`
}

/**
 * Text as plain lines: what a build prints comes from the repository, and the runner obeys every line that
 * starts with `::` or has `##[` in it.
 */
export const withoutCommands = (text: string): string =>
  text
    .split(/\r\n|\r|\n/)
    .map((line) => line.replace(/^(\s*)::/, '$1: :').replaceAll('##[', '## ['))
    .join('\n')
