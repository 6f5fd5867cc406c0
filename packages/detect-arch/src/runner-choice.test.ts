// The runner that a platform gets, by the user’s map and the forge.
import { describe, expect, test } from 'vitest'
import { chooseRunner, type RunnerQuestion } from './runner-choice.ts'
import { parseRunnerKey, parseRunnerLines } from './runner-map.ts'

const amd64 = { platform: 'linux/amd64', kernel: 'linux/amd64', emulators: [] }
const qemu = { name: 'qemu-s390x', interpreter: '/usr/bin/qemu-s390x', platform: 'linux/s390x', fixed: true }
type Question = Omit<Partial<RunnerQuestion>, 'executed'> & { readonly executed?: null }

/** Chooses for an image with one RUN on the target's platform, or, with null, none. */
const choose = ({ executed, platform = 'linux/amd64', ...question }: Question) =>
  chooseRunner({
    emulate: 'auto',
    runners: {},
    forge: 'github',
    machine: amd64,
    ...question,
    platform,
    executed: () => (executed === null ? [] : [{ file: 'web/Dockerfile', line: 12, text: 'RUN make', platform }]),
  })

describe('automatic arch selection: the runner of a platform', () => {
  test.each<[string, Question, unknown, boolean]>([
    ['GitHub’s amd64', {}, 'ubuntu-24.04', true],
    ['GitHub’s arm64', { platform: 'linux/arm64' }, 'ubuntu-24.04-arm', true],
    ['GitHub’s Windows', { platform: 'windows/amd64' }, 'windows-2025', true],
    ['GitLab’s arm64', { platform: 'linux/arm64', forge: 'gitlab' }, 'saas-linux-small-arm64', true],
    ['this machine', { forge: 'terminal' }, 'local', true],
    ['the map’s, first', { runners: { 'linux/amd64': 'mine' } }, 'mine', true],
    ['the map’s several labels', { runners: { 'linux/amd64': ['self-hosted', 'big'] } }, ['self-hosted', 'big'], true],
    [
      'the longest beginning’s',
      { platform: 'linux/arm/v7', runners: { 'linux/arm': 'a', 'linux/arm/v7': 'b', linux: 'c' } },
      'b',
      true,
    ],
    ['the architecture’s', { platform: 'linux/arm/v6', runners: { 'linux/arm': 'a', 'linux/arm/v7': 'b' } }, 'a', true],
    ['the os’s, where it is one for amd64', { runners: { linux: 'ubuntu-22.04' } }, 'ubuntu-22.04', true],
    [
      'the hosted one, where the map is for other platforms',
      { platform: 'linux/arm64', runners: { 'linux/arm': 'a' } },
      'ubuntu-24.04-arm',
      true,
    ],
    ['another one, where nothing has to run', { platform: 'linux/s390x', executed: null }, 'ubuntu-24.04', false],
    [
      'the map’s amd64 one, where nothing has to run',
      { platform: 'linux/s390x', executed: null, runners: { 'linux/amd64': 'mine' } },
      'mine',
      false,
    ],
    ['another one, where emulation is allowed', { platform: 'linux/s390x', emulate: 'allow' }, 'ubuntu-24.04', false],
    [
      'this machine, emulating',
      { platform: 'linux/s390x', forge: 'terminal', emulate: 'allow', machine: { ...amd64, emulators: [qemu] } },
      'local',
      false,
    ],
  ])('is %s', (_what, question, runner, native) => {
    expect(choose(question)).toMatchObject({ runner, native })
  })

  test.each<[string, Question, string]>([
    [
      'auto names the line that has to run',
      {},
      'linux/s390x has no native runner (github hosts no runner for it), and web/Dockerfile:12 "RUN make" has to run on it: add "linux/s390x: <runner>" to runners, or set emulate: allow for QEMU',
    ],
    [
      'never refuses what would not even run',
      { emulate: 'never', executed: null },
      'linux/s390x has no native runner (github hosts no runner for it) and emulate is never: add "linux/s390x: <runner>" to runners',
    ],
    [
      'a map for the whole os does not make a runner native',
      { runners: { linux: 'ubuntu-24.04' } },
      'linux/s390x has no native runner (runners: linux, taken as linux/amd64)',
    ],
    [
      'this machine has no emulator for it',
      { emulate: 'allow', forge: 'terminal' },
      'no emulator for that is registered here',
    ],
  ])('is refused: %s', (_what, question, message) => {
    const answer = choose({ platform: 'linux/s390x', ...question })
    expect('refusal' in answer ? answer.refusal : '').toContain(message)
  })
})

describe('runner lines', () => {
  test('are platform=runner, with aliases, several labels, or one runner for everything', () => {
    expect(parseRunnerLines(['linux/aarch64=arm', 'linux=self-hosted, linux', 'linux/arm=pi'])).toEqual({
      'linux/arm64': 'arm',
      linux: ['self-hosted', 'linux'],
      'linux/arm': 'pi',
    })
    expect(parseRunnerLines(['local'])).toEqual({ default: 'local' })
  })

  test.each(['linux/amd46=x', 'amd64=x', 'linux/amd64=', '=x'])('"%s" is refused', (line) => {
    expect(() => parseRunnerLines([line])).toThrow(/runners|platform/)
  })

  test('a key without a variant stands for all of them', () => {
    expect([parseRunnerKey('linux/arm'), parseRunnerKey('linux/armhf'), parseRunnerKey('linux/arm/v7')]).toEqual([
      'linux/arm',
      'linux/arm',
      'linux/arm/v7',
    ])
  })
})
