// A terminal, or any CI that is neither GitHub nor GitLab.
import { styleText } from 'node:util'
import { inputFailure } from '@polyarch/oci'
import type { Forge, ForgeSettings } from './forge.ts'
import type { Log, Place } from './host.ts'

/** `file:line:column: ` before a message, as compilers write it. */
const formatPlace = (place: Place | undefined): string =>
  place ? `${[place.file, place.line, place.column].filter((part) => part !== undefined).join(':')}: ` : ''

const style = (format: Parameters<typeof styleText>[0], text: string): string =>
  styleText(format, text, { stream: process.stderr })

/** The log as plain lines, in colour where stderr is a terminal. */
export const createPlainLog = ({ write, debug }: Pick<ForgeSettings, 'write' | 'debug'>): Log => ({
  debug: (message) => {
    if (debug) write(style('dim', message))
  },
  info: (message) => write(message),
  warning: (message, place) => write(`${style('yellow', 'warning:')} ${formatPlace(place)}${message}`),
  error: (message, place) => write(`${style('red', 'error:')} ${formatPlace(place)}${message}`),
  group: (title, work) => {
    write(style('bold', title))
    return work()
  },
})

const noHandoff = (): Promise<never> =>
  Promise.reject(
    inputFailure(
      'files can be handed on as artifacts in GitHub Actions only: leave handoff at "none" and pass the files on',
    ),
  )

/** The terminal: no summary, no outputs but --json, images on disk. */
export const openTerminal = (settings: ForgeSettings): Forge => ({
  kind: 'terminal',
  log: createPlainLog(settings),
  run: null,
  defaultStore: (imageId) => `oci:.polyarch/images/${imageId}`,
  logins: () => [],
  summarise: () => Promise.resolve(),
  sendFiles: noHandoff,
  receiveFiles: noHandoff,
  writeOutputs: () => Promise.resolve(),
})
