// The rules for Dockerfiles of extensions: cases of the lifecycle's buildpack/dockerfile_test.go, as facts.
import { describe, expect, test } from 'vitest'
import { checkExtensionDockerfile } from './extension-dockerfile.ts'

const preamble = `\nARG base_image=0\nFROM \${base_image}\n`
const kinds = ['build', 'run'] as const

describe.each(kinds)('a %s.Dockerfile', (kind) => {
  test.each([
    ['a RUN', 'RUN echo "hello" > /world.txt\n'],
    [
      'every recommended instruction',
      `ADD some-source.txt some-dest.txt\nARG some_arg\nRUN echo \${some_arg}\nCOPY some-source.txt some-dest.txt\nENV SOME_VAR=some-val\nLABEL some.label="some-label"\nUSER some-user\nWORKDIR some-workdir\nSHELL ["/bin/sh"]\n`,
    ],
    ['a build id', `ARG build_id=0\nRUN echo \${build_id}\nRUN echo "this statement is never cached"\n`],
  ])('may hold %s', (_, instructions) => {
    expect(checkExtensionDockerfile(`${preamble}\n${instructions}`, kind)).toEqual({
      warnings: [],
      switchesTo: undefined,
      extends: true,
    })
  })

  test.each([
    ['CMD', 'CMD ["some-cmd"]'],
    ['MAINTAINER', 'MAINTAINER "some-maintainer"'],
    ['EXPOSE', 'EXPOSE 80/tcp'],
    ['ENTRYPOINT', 'ENTRYPOINT ["some-executable"]'],
    ['VOLUME', 'VOLUME ["/some-dir"]'],
    ['ONBUILD', 'ONBUILD RUN echo "hello" > /world.txt'],
    ['STOPSIGNAL', 'STOPSIGNAL SIGKILL'],
    ['HEALTHCHECK', 'HEALTHCHECK NONE'],
  ])('is told that %s is not recommended', (keyword, instruction) => {
    expect(checkExtensionDockerfile(`${preamble}${instruction}`, kind)).toEqual({
      warnings: [`${kind}.Dockerfile command ${keyword} on line 4 is not recommended`],
      switchesTo: undefined,
      extends: true,
    })
  })

  test.each([
    ['nothing', '', 'file with no instructions'],
    ['only a comment', '# nothing\n', 'file with no instructions'],
    [
      'two stages',
      `${preamble}RUN echo "hello"\n\nFROM some-base-image\nCOPY --from=0 /a ./b\n`,
      `${kind}.Dockerfile is not permitted to use multistage build`,
    ],
    ['no stage', 'ARG base_image=0\n', `${kind}.Dockerfile should have at least one stage`],
    ['an unknown instruction', `${preamble}RNU x\n`, `${kind}.Dockerfile: line 4: RNU is not an instruction`],
  ])('with %s is refused', (_, text, message) => {
    expect(() => checkExtensionDockerfile(text, kind)).toThrow(expect.objectContaining({ message, exitCode: 92 }))
  })
})

test.each([
  ['no ARG', 'FROM some-base-image\nRUN true\n', 'build.Dockerfile did not start with required ARG command'],
  ['another ARG', `ARG other=0\nFROM \${base_image}\n`, 'build.Dockerfile did not start with required ARG command'],
  [
    'two ARGs',
    `ARG base_image\nARG other\nFROM \${base_image}\n`,
    'build.Dockerfile did not start with required ARG command',
  ],
  [
    'another FROM',
    'ARG base_image=0\nFROM some-base\n',
    `build.Dockerfile did not contain required FROM \${base_image} command`,
  ],
  [
    'FROM in another spelling',
    'ARG base_image=0\nFROM $base_image\n',
    `build.Dockerfile did not contain required FROM \${base_image} command`,
  ],
])('a build.Dockerfile with %s is refused', (_, text, message) => {
  expect(() => checkExtensionDockerfile(text, 'build')).toThrow(expect.objectContaining({ message, exitCode: 92 }))
})

test('a run.Dockerfile may switch to another image, with or without more', () => {
  expect(checkExtensionDockerfile('FROM some-base-image', 'run')).toEqual({
    warnings: [],
    switchesTo: 'some-base-image',
    extends: false,
  })
  expect(checkExtensionDockerfile('FROM some-base-image\nRUN true', 'run')).toMatchObject({
    switchesTo: 'some-base-image',
    extends: true,
  })
})
