// The parts of a Dockerfile between its WORKDIRs.
import { expect, test } from 'vitest'
import { splitAtWorkdirs } from './workdir-parts.ts'

test('one without WORKDIR is its own part', () => {
  const text = 'ARG base_image\nFROM x\nRUN true\n'
  expect(splitAtWorkdirs(text, '1000', () => true)).toEqual([{ text, endsWithWorkdir: false }])
})

test('lines stay where they were, and ARGs are said again', () => {
  const text = `# a comment
ARG base_image
FROM \${base_image}
# another
ARG tool=curl
RUN echo \\
  \${tool}
WORKDIR /a
ARG other
WORKDIR b
ENV C=d
RUN true
`
  const parts = splitAtWorkdirs(text, '1000', () => true)
  expect(parts.map((part) => part.endsWithWorkdir)).toEqual([true, true, false])
  expect(
    parts.map((part) => part.text.split('\n').flatMap((line, index) => (line === '' ? [] : [`${index + 1} ${line}`]))),
  ).toEqual([
    [
      '1 # a comment',
      '2 ARG base_image',
      `3 FROM \${base_image}`,
      '4 # another',
      '5 ARG tool=curl',
      '6 RUN echo \\',
      `7   \${tool}`,
      '8 WORKDIR /a',
    ],
    [
      '1 # a comment',
      '2 ARG base_image',
      `3 FROM \${base_image}`,
      '4 # another',
      '5 ARG tool=curl',
      '9 ARG other',
      '10 WORKDIR b',
    ],
    [
      '1 # a comment',
      '2 ARG base_image',
      `3 FROM \${base_image}`,
      '4 # another',
      '5 ARG tool=curl',
      '9 ARG other',
      '11 ENV C=d',
      '12 RUN true',
    ],
  ])
})

test('what follows the last WORKDIR is no part where it says nothing', () => {
  expect(splitAtWorkdirs('FROM x\nWORKDIR /a\nARG b\n', '', () => true)).toEqual([
    { text: 'FROM x\nWORKDIR /a\n\n', endsWithWorkdir: true },
  ])
})

test('it is cut only where that is asked for, by the user at that line', () => {
  const text = 'FROM x\nWORKDIR /a\nUSER root\nWORKDIR /b\nUSER 5\nWORKDIR /c\nRUN true\n'
  const users: string[] = []
  const parts = splitAtWorkdirs(text, '1000', (user) => {
    users.push(user)
    return user !== 'root'
  })
  expect(users).toEqual(['1000', 'root', '5'])
  expect(parts.map((part) => part.text.split('\n').filter((line) => line !== ''))).toEqual([
    ['FROM x', 'WORKDIR /a'],
    ['FROM x', 'USER root', 'WORKDIR /b', 'USER 5', 'WORKDIR /c'],
    ['FROM x', 'RUN true'],
  ])
  expect(splitAtWorkdirs(text, '1000', () => false)).toEqual([{ text, endsWithWorkdir: false }])
})
