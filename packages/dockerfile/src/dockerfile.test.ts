// Dockerfiles of all kinds as directives, arguments, stages and instructions.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are Dockerfile variables
import { parsePlatform } from '@polyarch/oci'
import { describe, expect, test } from 'vitest'
import { parseDockerfile } from './dockerfile.ts'
import { describeInstruction } from './instruction.ts'
import { parseMounts } from './mount.ts'
import type { BuildSettings } from './scope.ts'
import { sourceImages } from './source-image.ts'
import { reachedStages } from './stage-graph.ts'
import { executedInstructions } from './stage-platform.ts'

const settings = (more: Partial<BuildSettings> = {}): BuildSettings => ({
  target: null,
  platform: parsePlatform('linux/arm64'),
  buildPlatform: parsePlatform('linux/amd64'),
  args: {},
  ...more,
})

/** Every instruction as `line keyword words`, FROM too. */
const outline = (text: string): string[] =>
  parseDockerfile(text).stages.flatMap(({ from, instructions }) =>
    [from, ...instructions].map((instruction) => `${instruction.line} ${describeInstruction(instruction)}`),
  )

describe('instructions', () => {
  test.each<[string, string, string[]]>([
    ['are continued by a backslash', 'FROM a\nRUN x \\\n  && y\nRUN z', ['1 FROM a', '2 RUN x && y', '4 RUN z']],
    ['are continued over comments and empty lines', 'FROM a\nRUN x \\\n# no\n\n  y', ['1 FROM a', '2 RUN x y']],
    ['are continued by what the directive says', '# escape=`\nFROM a\nRUN c:\\ `\n x', ['2 FROM a', '3 RUN c:\\ x']],
    [
      'may be written in lower case, indented, with a byte order mark',
      '\u{FEFF}from a\n  run x',
      ['1 FROM a', '2 RUN x'],
    ],
    ['may end in carriage returns', 'FROM a\r\nRUN x \\\r\n y\r\n', ['1 FROM a', '2 RUN x y']],
    [
      'have flags',
      'FROM --platform=$BUILDPLATFORM a AS b\nCOPY --link --from=b x y',
      ['1 FROM --platform=$BUILDPLATFORM a AS b', '2 COPY --link --from=b x y'],
    ],
    [
      'have flags over several lines',
      'FROM a\nRUN --mount=type=cache,\\\ntarget=/x \\\n --network=none y',
      ['1 FROM a', '2 RUN --mount=type=cache,target=/x --network=none y'],
    ],
    ['are none in a comment', 'FROM a\n# RUN x\n', ['1 FROM a']],
  ])('%s', (_what, text, expected) => {
    expect(outline(text)).toEqual(expected)
  })

  test('have an exec form', () => {
    const [stage] = parseDockerfile('FROM a\nRUN ["sh", "-c", "a  b"]\nRUN [ -f x ] && y\nCOPY ["a b", "/c"]').stages
    expect(stage?.instructions.map(({ json }) => json)).toEqual([['sh', '-c', 'a b'], undefined, ['a b', '/c']])
  })
})

describe('heredocs', () => {
  const heredocsOf = (text: string) =>
    parseDockerfile(text).stages.flatMap(({ instructions }) =>
      instructions.map(({ line, keyword, heredocs, trigger }) => ({
        line,
        keyword,
        heredocs: [...heredocs, ...(trigger?.heredocs ?? [])].map(({ name, expand, content }) => [
          name,
          expand,
          content,
        ]),
      })),
    )

  test.each<[string, string, ReturnType<typeof heredocsOf>]>([
    [
      'hold lines that look like instructions',
      'FROM a\nRUN <<EOF\nFROM b\nRUN \\\nEOF\nUSER x',
      [
        { line: 2, keyword: 'RUN', heredocs: [['EOF', true, 'FROM b\nRUN \\\n']] },
        { line: 6, keyword: 'USER', heredocs: [] },
      ],
    ],
    [
      'may be several, quoted and with tabs',
      'FROM a\nCOPY <<"A" <<-B /x/\n$a\nA\n\t$b\n\tB',
      [
        {
          line: 2,
          keyword: 'COPY',
          heredocs: [
            ['A', false, '$a\n'],
            ['B', true, '$b\n'],
          ],
        },
      ],
    ],
    [
      'may have a quoted name with a blank',
      "FROM a\nRUN cat <<'E F'\nx\nE F\nUSER y",
      [
        { line: 2, keyword: 'RUN', heredocs: [['E F', false, 'x\n']] },
        { line: 5, keyword: 'USER', heredocs: [] },
      ],
    ],
    [
      'may name a file descriptor',
      'FROM a\nRUN 3<<EOF cat\nx\nEOF\nUSER y',
      [
        { line: 2, keyword: 'RUN', heredocs: [['EOF', true, 'x\n']] },
        { line: 5, keyword: 'USER', heredocs: [] },
      ],
    ],
    [
      'belong to the instruction of ONBUILD',
      'FROM a\nONBUILD RUN <<EOF\nx\nEOF\nUSER y',
      [
        { line: 2, keyword: 'ONBUILD', heredocs: [['EOF', true, 'x\n']] },
        { line: 5, keyword: 'USER', heredocs: [] },
      ],
    ],
    [
      'are none inside of quotes',
      "FROM a\nRUN echo '<<EOF' \"x <<EOF\" 'y <<EOF'\nUSER y",
      [
        { line: 2, keyword: 'RUN', heredocs: [] },
        { line: 3, keyword: 'USER', heredocs: [] },
      ],
    ],
    [
      'are neither here strings nor shifts',
      'FROM a\nRUN cat <<<x; echo $((1<<2))\nUSER y',
      [
        { line: 2, keyword: 'RUN', heredocs: [] },
        { line: 3, keyword: 'USER', heredocs: [] },
      ],
    ],
    [
      'are none in other instructions',
      'FROM a\nLABEL x=<<EOF\nUSER y',
      [
        { line: 2, keyword: 'LABEL', heredocs: [] },
        { line: 3, keyword: 'USER', heredocs: [] },
      ],
    ],
  ])('%s', (_what, text, expected) => {
    expect(heredocsOf(text)).toEqual(expected)
  })

  test('keep what the instruction says as it is written', () => {
    expect(outline('FROM a\nRUN cat <<EOF > /x\ny\nEOF')).toEqual(['1 FROM a', '2 RUN cat <<EOF > /x'])
  })

  test('that never end are a problem with their line', () => {
    expect(parseDockerfile('FROM a\nRUN <<EOF\nx').problems).toEqual([
      { line: 2, message: 'a heredoc that begins here never ends' },
    ])
  })
})

test('directives are read from the first comments only', () => {
  const text = '# syntax=docker/dockerfile:1\n# check=skip=all;error=true\nFROM a\n# syntax=other'
  expect(parseDockerfile(text).directives).toEqual([
    { name: 'syntax', value: 'docker/dockerfile:1', line: 1 },
    { name: 'check', value: 'skip=all;error=true', line: 2 },
  ])
})

test.each<[string, string, number, string]>([
  ['an unknown instruction', 'FROM a\nRNU x', 2, 'RNU is not an instruction'],
  ['an instruction before FROM', 'RUN x\nFROM a', 1, 'RUN before the first FROM: only ARG may stand there'],
  ['no FROM', '# nothing', 1, 'there is no FROM'],
  ['half a FROM', 'FROM a AS', 1, 'expected FROM image or FROM image AS name'],
])('%s is a problem', (_what, text, line, message) => {
  expect(parseDockerfile(text).problems).toContainEqual({ line, message })
})

describe('the stages that a target reaches', () => {
  const text = `FROM golang AS Build
FROM node AS assets
FROM build AS test
FROM alpine AS tools
FROM scratch AS release
COPY --from=build /x /
RUN --mount=type=bind,from=tools,target=/t true
FROM release
COPY --from=1 /y /
`
  test.each<[string | null, string, (string | null)[]]>([
    [null, text, ['build', 'assets', 'tools', 'release', null]],
    ['release', text, ['build', 'tools', 'release']],
    ['TEST', text, ['build', 'test']],
    ['1', text, ['assets']],
    ['b', 'FROM a AS b\nONBUILD COPY --from=x /a /\nFROM a AS x\nFROM b AS c', ['b']],
    ['c', 'FROM a AS x\nFROM a AS b\nONBUILD COPY --from=x /a /\nFROM b AS c', ['x', 'b', 'c']],
    // A stage may only be used by later ones: earlier, its name is an image's.
    [null, 'FROM b AS a\nFROM a AS b', ['a', 'b']],
    ['a', 'FROM b AS a\nFROM a AS b', ['a']],
  ])('%s', (target, source, expected) => {
    expect(reachedStages(parseDockerfile(source), target).map(({ name }) => name)).toEqual(expected)
  })

  test('is refused with the stages that there are', () => {
    expect(() => reachedStages(parseDockerfile(text), 'relase')).toThrow(
      'there is no stage "relase": the stages are build, assets, test, tools, release',
    )
    expect(() => reachedStages(parseDockerfile('FROM a'), 'x')).toThrow('none has a name')
  })
})

describe('what has to run', () => {
  const executed = (text: string, more: Partial<BuildSettings> = {}) =>
    executedInstructions(parseDockerfile(text), settings(more)).map(({ line, platform }) => `${line} ${platform}`)

  test.each<[string, string, Partial<BuildSettings>, string[]]>([
    ['nothing of files that are only copied', 'FROM a\nCOPY x y\nCMD ["x"]', {}, []],
    ['runs on the target', 'FROM a\nRUN x', {}, ['2 linux/arm64']],
    [
      'runs on the build platform',
      'FROM --platform=$BUILDPLATFORM a AS b\nRUN x\nFROM scratch\nCOPY --from=b x y',
      {},
      ['2 linux/amd64'],
    ],
    ['runs on a fixed platform', 'FROM --platform=linux/s390x a\nRUN x', {}, ['2 linux/s390x']],
    ['runs on what an ARG says', 'ARG P=linux/ppc64le\nFROM --platform=${P} a\nRUN x', {}, ['3 linux/ppc64le']],
    [
      'runs on what an argument says',
      'ARG P=linux/ppc64le\nFROM --platform=${P} a\nRUN x',
      { args: { P: 'linux/386' } },
      ['3 linux/386'],
    ],
    ['runs where the base stage runs', 'FROM --platform=$BUILDPLATFORM a AS b\nFROM b\nRUN x', {}, ['3 linux/amd64']],
    ['counts in stages that are reached only', 'FROM a AS b\nRUN x\nFROM scratch\nCOPY y z', {}, []],
    ['counts for a target', 'FROM a AS b\nRUN x\nFROM scratch', { target: 'b' }, ['2 linux/arm64']],
    ['counts when a base stage triggers it', 'FROM a AS b\nONBUILD RUN x\nFROM b', {}, ['2 linux/arm64']],
    ['is no RUN in a heredoc', 'FROM a\nCOPY <<EOF /x\nRUN y\nEOF', {}, []],
  ])('%s', (_what, text, more, expected) => {
    expect(executed(text, more)).toEqual(expected)
  })
})

describe('the images that a target is built from', () => {
  const images = (text: string, more: Partial<BuildSettings> = {}) =>
    sourceImages(parseDockerfile(text), settings(more)).map(
      ({ reference, use, platform, missing }) =>
        `${use} ${reference} ${platform}${missing.length > 0 ? ` ?${missing.join()}` : ''}`,
    )

  test.each<[string, string, Partial<BuildSettings>, string[]]>([
    ['are its bases', 'FROM a:1 AS x\nFROM b@sha256:c', {}, ['base b@sha256:c linux/arm64']],
    ['are without scratch', 'FROM scratch', {}, []],
    ['are what variables make of them', 'ARG V=1\nFROM a:${V}', { args: { V: '2' } }, ['base a:2 linux/arm64']],
    ['have defaults', 'ARG V\nFROM a:${V:-3}', {}, ['base a:3 linux/arm64']],
    ['have defaults of defaults', 'ARG A=4\nARG V=${A}.1\nFROM a:$V', {}, ['base a:4.1 linux/arm64']],
    ['know the architecture', 'FROM base-${TARGETARCH}', {}, ['base base-arm64 linux/arm64']],
    ['cannot be told without a value', 'ARG V\nFROM a:${V}', {}, ['base a: linux/arm64 ?V']],
    ['are for the build platform', 'FROM --platform=$BUILDPLATFORM a', {}, ['base a linux/amd64']],
    [
      'are what is copied and mounted from',
      'FROM a\nCOPY --from=ghcr.io/x/y:1 z /\nRUN --mount=from=tool,target=/t x',
      {},
      ['base a linux/arm64', 'copy ghcr.io/x/y:1 linux/arm64', 'mount tool linux/arm64'],
    ],
    ['are no stages', 'FROM a AS b\nFROM b\nCOPY --from=B x y', {}, ['base a linux/arm64']],
  ])('%s', (_what, text, more, expected) => {
    expect(images(text, more)).toEqual(expected)
  })
})

test('mounts are read with their fields, quoted or not', () => {
  const [stage] = parseDockerfile(
    'FROM a\nRUN --mount=type=secret,id=tok,required --mount=from=b,target=/x --mount=type=bind,"source=a,b",target=/y x',
  ).stages
  expect(stage?.instructions.flatMap(parseMounts)).toMatchObject([
    { type: 'secret', id: 'tok', required: true, from: undefined },
    { type: 'bind', from: 'b', required: false },
    { type: 'bind', id: 'a,b' },
  ])
})

test('a Dockerfile of ten thousand stages is refused, not read for ever', () => {
  expect(() => parseDockerfile('FROM a AS b\n'.repeat(10_000))).toThrow('more than 1000 stages')
})
