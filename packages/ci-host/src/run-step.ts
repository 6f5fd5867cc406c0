// Runs a step from its raw inputs to its exit code: the only place where errors end.
import { Failure, plainText, problemPattern } from '@polyarch/oci'
import type { z } from 'zod'
import { Cancellation } from './cancellation.ts'
import { exitCodeOf } from './exit-code.ts'
import { type Flags, parseFlags } from './flags.ts'
import type { OutputTexts } from './forge.ts'
import type { Place } from './host.ts'
import { type OpenHost, openHost } from './open-host.ts'
import { parseInputs, readRawInputs, type Step, secretsOf } from './step.ts'
import { formatUsage } from './usage.ts'

/** What a command line already knows; without it, the flags of this process are read. */
export type RunStepOptions = Partial<Flags>

/** Outputs as texts: what is not text is written as JSON, what is not there is left out. */
const outputTexts = (outputs: Readonly<Record<string, unknown>>): OutputTexts =>
  Object.fromEntries(
    Object.entries(outputs).flatMap(([name, value]) =>
      value === undefined || value === null ? [] : [[name, typeof value === 'string' ? value : JSON.stringify(value)]],
    ),
  )

/** A place at the beginning of a message, `polyarch.yaml:12:5: …`, for the forge to show it in the file. */
const splitPlace = (message: string): { place: Place | undefined; text: string } => {
  const match = problemPattern.exec(message)
  if (!match) return { place: undefined, text: message }
  const [, file = '', line, column, text = ''] = match
  return { place: { file, line: Number(line), ...(column === undefined ? {} : { column: Number(column) }) }, text }
}

/** Several problems in one message, a line each with its place, are told one by one; anything else is one. */
const splitPlaces = (message: string): ReturnType<typeof splitPlace>[] => {
  const lines = message.split('\n').map(splitPlace)
  return lines.every(({ place }) => place !== undefined) ? lines : [splitPlace(message)]
}

const causesOf = (error: Error): Error[] =>
  error.cause instanceof Error ? [error.cause, ...causesOf(error.cause)] : []

/** Where an error came from, below its message. */
const plainStack = ({ name, message, stack = '' }: Error): string => {
  const frames = stack.slice(stack.indexOf(message) + message.length).split('\n')
  return [`${name}: ${message}`, ...frames.filter((line) => /^ +at /.test(line))].map(plainText).join('\n')
}

/** Says what went wrong: a user's failure in one line, anything else with its causes; the stack in debug mode. */
const reportError = (thrown: unknown, { log, debug }: Pick<OpenHost, 'log' | 'debug'>): void => {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  if (error instanceof Failure || error instanceof Cancellation) {
    for (const { place, text } of splitPlaces(error.message)) log.error(text, place)
  } else {
    log.error(plainText(`unexpected ${error.name}: ${error.message}`))
    for (const cause of causesOf(error)) log.info(plainText(`  caused by ${cause.name}: ${cause.message}`))
    if (!debug) log.info('  this should not happen; --debug shows where it did')
  }
  if (!debug) return
  for (const each of [error, ...causesOf(error)]) log.info(plainStack(each))
}

/**
 * Runs work on this process's host and sets the process's exit code from what it throws. The host's secrets are
 * masked; a job that was cancelled ends as cancelled, whatever its work made of that.
 */
const runOnHost = async (
  work: (host: OpenHost) => Promise<void>,
  options: { readonly debug?: boolean } = {},
): Promise<void> => {
  const host = openHost(process.env, process.cwd(), options)
  try {
    await work(host)
    host.signal.throwIfAborted()
  } catch (error) {
    const reason = host.signal.aborted ? host.signal.reason : error
    reportError(reason, host)
    process.exitCode = exitCodeOf(reason)
  }
}

/** Runs the step as this process: flags and environment in, outputs, summary and exit code out. */
export const runStep = async <I extends z.ZodObject, O extends z.ZodObject>(
  step: Step<I, O>,
  options: RunStepOptions = {},
): Promise<void> => {
  const debug = options.debug ?? process.argv.includes('--debug')
  await runOnHost(
    async (host) => {
      const {
        flags,
        json = false,
        help = false,
      } = options.flags ? { ...options, flags: options.flags } : parseFlags(step, process.argv.slice(2))
      if (help) {
        process.stdout.write(formatUsage(step))
        return
      }
      const raw = readRawInputs(step, flags, host.env)
      for (const secret of secretsOf(step, raw)) host.mask(secret)
      const outputs = await step.run(parseInputs(step, raw), host)
      await host.writeOutputs(step.name, outputTexts(outputs))
      const summary = step.report?.(outputs)
      if (summary !== undefined) await host.summarise(summary)
      if (json) process.stdout.write(`${JSON.stringify(outputs)}\n`)
      const failure = step.failure?.(outputs)
      if (failure) throw failure
    },
    { debug },
  )
}
