// Which features are found in what a target reaches, and which are not.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are Dockerfile variables
import { parsePlatform } from '@polyarch/oci'
import { describe, expect, test } from 'vitest'
import { parseDockerfile } from './dockerfile.ts'
import { features } from './feature.ts'
import { baseFindings, inspectDockerfile } from './inspection.ts'
import type { BuildSettings } from './scope.ts'
import { sourceImages } from './source-image.ts'

const settings = (more: Partial<BuildSettings> = {}): BuildSettings => ({
  target: null,
  platform: parsePlatform('linux/arm64'),
  buildPlatform: parsePlatform('linux/amd64'),
  args: {},
  ...more,
})

const inspect = (text: string, more: Partial<BuildSettings> = {}): string[] =>
  inspectDockerfile(text, settings(more)).map(({ line, feature }) => `${line} ${feature}`)

const inStage = (...lines: string[]): string => `FROM a AS base\n${lines.join('\n')}\n`

describe('the findings of', () => {
  test.each<[string, string[], string[]]>([
    ['a plain Dockerfile', ['RUN x', 'COPY a b', 'ADD c d', 'CMD ["x"]'], []],
    ['a bind mount from a stage', ['RUN --mount=from=x,target=/y z'], ['2 mount-from']],
    ['a bind mount from the context', ['RUN --mount=type=bind,source=a,target=/y z'], ['2 mount-bind']],
    ['a cache mount', ['RUN --mount=type=cache,target=/y z'], ['2 mount-cache']],
    ['a cache mount from a stage', ['RUN --mount=type=cache,from=x,target=/y z'], ['2 mount-from', '2 mount-cache']],
    ['a secret', ['RUN --mount=type=secret,id=tok z'], ['2 mount-secret']],
    ['an ssh agent', ['RUN --mount=type=ssh z'], ['2 mount-ssh']],
    ['a tmpfs', ['RUN --mount=type=tmpfs,target=/y z'], ['2 mount-tmpfs']],
    ['a network', ['RUN --network=none z', 'RUN --network=default z'], ['2 run-network']],
    ['a device', ['RUN --device=vendor.com/x=y z'], ['2 run-device']],
    ['a security mode', ['RUN --security=insecure z', 'RUN --security=sandbox z'], ['2 run-security']],
    ['a RUN heredoc', ['RUN <<EOF', 'x', 'EOF'], ['2 heredoc-run']],
    ['a script', ['RUN <<EOF', '#!/bin/sh -e', 'EOF'], ['2 heredoc-run', '3 heredoc-shebang']],
    ['a script that is input', ['RUN python3 <<EOF', '#!/bin/sh', 'EOF'], ['2 heredoc-run']],
    ['an exec form with a heredoc', ['RUN ["cat"] <<EOF', 'x', 'EOF'], ['2 heredoc-exec-form']],
    ['shell forms without SHELL', ['CMD a', 'RUN b', 'ENTRYPOINT c'], []],
    ['the default SHELL', ['SHELL ["/bin/sh", "-c"]', 'CMD a', 'RUN b'], []],
    ['exec forms after SHELL', ['SHELL ["/bin/sh", "-e", "-c"]', 'CMD ["a"]', 'RUN b'], []],
    ['a shell form after SHELL', ['SHELL ["/bin/bash", "-c"]', 'RUN b', 'CMD a'], ['4 shell-form-start']],
    [
      'a RUN after a shell form after SHELL',
      ['SHELL ["/bin/sh", "-e", "-c"]', 'CMD a', 'RUN b'],
      ['3 shell-form-start', '3 shell-form-overwritten'],
    ],
    ['a RUN after SHELL of four words', ['SHELL ["a", "b", "c", "d"]', 'CMD a', 'RUN b'], ['3 shell-form-start']],
    [
      'another SHELL in between',
      ['SHELL ["a", "b", "c"]', 'CMD a', 'SHELL ["d", "e", "f"]', 'RUN b'],
      ['3 shell-form-start'],
    ],
    ['the last CMD', ['SHELL ["a", "b", "c"]', 'CMD a', 'RUN b', 'CMD c'], ['5 shell-form-start']],
    [
      'both after SHELL',
      ['SHELL ["a", "b", "c"]', 'CMD a', 'ENTRYPOINT b'],
      ['3 shell-form-start', '3 shell-form-overwritten', '4 shell-form-start'],
    ],
    [
      'the SHELL of a stage below',
      ['SHELL ["a", "b", "c"]', 'FROM base', 'CMD a', 'RUN b'],
      ['4 shell-form-start', '4 shell-form-overwritten'],
    ],
    ['a COPY heredoc', ['COPY <<EOF /x', 'y', 'EOF'], ['2 heredoc-copy']],
    [
      'a COPY heredoc with a variable',
      ['COPY <<EOF /x', '${Y}', 'EOF'],
      ['2 heredoc-copy', '3 heredoc-copy-variables'],
    ],
    ['a quoted COPY heredoc', ['COPY <<"EOF" /x', '${Y}', 'EOF'], ['2 heredoc-copy']],
    ['--link', ['COPY --link a b', 'COPY --link=false a b'], ['2 copy-link']],
    [
      'modes',
      ['COPY --chmod=755 a b', 'COPY --chmod=u=rwx,go=rx a b', 'ADD --chmod=4711 a b', 'ADD --chmod=0755 a b'],
      ['2 copy-chmod', '3 copy-chmod-symbolic', '4 add-chmod-special', '5 copy-chmod'],
    ],
    ['--parents', ['COPY --parents a b'], ['2 copy-parents']],
    ['--exclude', ['COPY --exclude=*.md --exclude=x a b'], ['2 copy-exclude', '2 copy-exclude']],
    ['a checksum', ['ADD --checksum=sha256:x https://a/b c'], ['2 add-checksum']],
    ['--unpack', ['ADD --unpack=false a.tar b'], ['2 add-unpack']],
    [
      'git repositories',
      ['ADD https://x/y.git#v1 z', 'ADD git@x:y.git z', 'ADD https://x/y.tar z'],
      ['2 add-git', '3 add-git'],
    ],
    [
      '/kaniko',
      ['COPY x /kaniko/y', 'COPY x /kanikos', 'ARG D=/kaniko', 'COPY x $D'],
      ['2 copy-to-kaniko', '5 copy-to-kaniko'],
    ],
    [
      'a user',
      ['COPY a b', 'USER me', 'COPY a b', 'COPY --chown=x a b', 'COPY --from=q a b', 'USER 0:0', 'COPY a b'],
      ['4 copy-user'],
    ],
    ['automatic arguments', ['ARG TARGETARCH', 'ARG OTHER'], ['2 platform-args']],
    ['a start interval', ['HEALTHCHECK --start-interval=1s CMD x'], ['2 healthcheck-start-interval']],
  ])('%s', (_what, lines, expected) => {
    expect(inspect(inStage(...lines))).toEqual(expected)
  })

  test.each<[string, string, Partial<BuildSettings>, string[]]>([
    ['another frontend', '# syntax=example.com/frontend:1\nFROM a', {}, ['1 syntax-frontend']],
    ['Dockerfile’s own frontend', '# syntax=docker/dockerfile:1.7-labs\nFROM a', {}, []],
    ['a check that fails the build', '# check=error=true\nFROM a', {}, ['1 check-error']],
    ['a stage for the build platform', 'FROM --platform=$BUILDPLATFORM a', {}, ['1 from-platform']],
    [
      'the same where that is the target',
      'FROM --platform=$BUILDPLATFORM a',
      { platform: parsePlatform('linux/amd64') },
      [],
    ],
    ['a stage for a fixed platform', 'FROM --platform=linux/s390x a', {}, ['1 from-platform']],
    ['a stage for the target', 'FROM --platform=linux/aarch64 a', {}, []],
    ['the architecture in a base', 'FROM a-${TARGETARCH}', {}, ['1 platform-args-global']],
    ['the same, declared', 'ARG TARGETARCH\nFROM a-${TARGETARCH}', {}, []],
    [
      'triggers of a base stage',
      'FROM a AS b\nONBUILD RUN --network=none x\nFROM b',
      {},
      ['2 run-network', '2 onbuild'],
    ],
    ['triggers that nothing sets off', 'FROM a AS b\nONBUILD RUN --network=none x', {}, []],
    ['the user of a base stage', 'FROM a AS b\nUSER me\nFROM b\nCOPY x y', {}, ['4 copy-user']],
    [
      'stages that are not reached',
      'FROM a AS b\nRUN --network=none x\nFROM a AS c\nCOPY --link x y',
      {},
      ['1 unused-stage', '4 copy-link'],
    ],
    ['the target only', 'FROM a AS b\nCOPY --link x y\nFROM b\nRUN --network=none x', { target: 'b' }, ['2 copy-link']],
  ])('%s', (_what, text, more, expected) => {
    expect(inspect(text, more).toSorted()).toEqual(expected.toSorted())
  })
})

test('base images are judged by what the registry has of them', () => {
  const images = sourceImages(
    parseDockerfile('FROM one AS a\nFROM two AS b\nFROM three\nCOPY --from=a x y\nCOPY --from=b x y'),
    settings(),
  )
  const facts: Record<string, { index: boolean; platforms: string[]; onbuild: boolean }> = {
    one: { index: true, platforms: ['linux/amd64'], onbuild: false },
    two: { index: false, platforms: ['linux/amd64'], onbuild: false },
    three: { index: true, platforms: ['linux/amd64', 'linux/arm64'], onbuild: true },
  }
  expect(
    baseFindings(images, ({ reference }) => facts[reference]).map(({ line, feature }) => `${line} ${feature}`),
  ).toEqual(['1 base-platform-missing', '2 base-single-platform', '3 base-onbuild'])
})

test('every feature has a name that can be written in polyarch.yaml', () => {
  for (const name of Object.keys(features)) expect(name).toMatch(/^[a-z]+(?:-[a-z]+)*$/)
})
