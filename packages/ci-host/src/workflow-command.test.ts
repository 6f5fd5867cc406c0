// What the GitHub runner would take for a command, and what it must not.
import { describe, expect, test } from 'vitest'
import { formatCommand, withoutCommands } from './workflow-command.ts'

describe('workflow commands', () => {
  test('escape what would end them', () => {
    expect(formatCommand('error', 'a\nb 100%', { file: 'a,b:c', line: 3, col: undefined })).toBe(
      '::error file=a%2Cb%3Ac,line=3::a%0Ab 100%25',
    )
  })

  test.each(['::add-mask::x', '  ::error::x', 'a\n::stop-commands::x', 'a\r::error::x', '##[error]x', 'a ##[group]x'])(
    'are not in %j any more',
    (text) => {
      expect(withoutCommands(text)).not.toMatch(/(?:^|[\r\n])\s*::|##\[/)
    },
  )

  test.each(['std::vector', 'a :: b', '# [x]'])('leave %j as it is', (text) => {
    expect(withoutCommands(text)).toBe(text)
  })
})
