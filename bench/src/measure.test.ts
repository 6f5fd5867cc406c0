// What a script costs, and that one that fails is never a measurement.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { lacks, temporaryDirectory } from '@polyarch/parts'
import { describe, expect, it } from 'vitest'
import { measureScript, median, ScriptError } from './measure.ts'
import { atOnce, command, inTurn } from './shell-script.ts'

const never = new AbortController().signal

describe.skipIf(lacks('time'))('measureScript', () => {
  it('sees the memory and the processor time of the largest process', async () => {
    const grow = command(process.execPath, '-e', 'Buffer.alloc(2e8, 1); for (let n = 0; n < 4e8; n++);')
    const cost = await measureScript(inTurn('true', grow), never)
    expect(cost.peakBytes).toBeGreaterThan(2e8)
    expect(cost.peakBytes).toBeLessThan(6e8)
    expect(cost.processorSeconds).toBeGreaterThan(0.05)
    expect(cost.seconds).toBeGreaterThan(0.05)
  })

  it('gives the script a home with its files and nothing else', async () => {
    const script = inTurn(`test "$(cat "$HOME/.tool/config")" = "it's"`, 'test -z "$SECRET"')
    process.env['SECRET'] = 'x'
    try {
      await expect(measureScript(script, never, { '.tool/config': "it's" })).resolves.toMatchObject({})
    } finally {
      delete process.env['SECRET']
    }
  })

  it('refuses a script whose first command fails, with what it said', async () => {
    const failure = measureScript(inTurn('echo no such thing >&2; false', 'true'), never)
    await expect(failure).rejects.toThrow(ScriptError)
    await expect(failure).rejects.toThrow('ended with 1: no such thing')
  })

  it('refuses a script when one of several commands at once fails', async () => {
    await expect(measureScript(atOnce('true', 'exit 3', 'true'), never)).rejects.toThrow('ended with 3')
  })

  it('ends what it started when it is aborted', async () => {
    const controller = new AbortController()
    await using directory = await temporaryDirectory()
    const started = join(directory.path, 'started')
    const running = measureScript(inTurn(command('touch', started), command('sleep', '600')), controller.signal)
    await expect.poll(() => existsSync(started)).toBe(true)
    controller.abort(new Error('enough'))
    await expect(running).rejects.toThrow('enough')
    await expect(measureScript('true', controller.signal)).rejects.toThrow('enough')
  })
})

describe('median', () => {
  it.each([
    [[3], 3],
    [[5, 1, 3], 3],
    [[4, 1, 3, 2], 2.5],
  ])('of %j is %d', (values, expected) => {
    expect(median(values)).toBe(expected)
  })
})

describe('command', () => {
  it('quotes what sh would take apart', () => {
    expect(command('a', "it's", '$x', 'b=c')).toBe(`a 'it'\\''s' '$x' b=c`)
  })
})
