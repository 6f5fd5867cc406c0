// A builder that buildctl reaches at an address.
import type { Host } from '@polyarch/ci-host'
import { inputFailure } from '@polyarch/oci'
import type { Builder } from './builder.ts'
import { planBuildctl } from './command-line.ts'

export interface Connection {
  readonly address: string
  /** Absolute: a directory with certificates for the connection. */
  readonly tls: string | undefined
  /** What the failure to connect is called. */
  readonly name: string
}

const readVersion = (info: string): string | undefined => /^BuildKit:\s+\S+\s+v?(\S+)/m.exec(info)?.[1]

/**
 * Connects to a running buildkitd.
 * @throws {Failure} input, when it does not answer.
 */
export const openBuildctl = async (
  host: Host,
  { address, tls, name }: Connection,
  work: string,
  env: Record<string, string>,
): Promise<Omit<Builder, typeof Symbol.asyncDispose | 'runsHere' | 'pid'>> => {
  const flags = [`--addr=${address}`, ...(tls === undefined ? [] : [`--tlsdir=${tls}`])]
  const info = await host.exec({ file: 'buildctl', args: [...flags, 'debug', 'info'], directory: work, env })
  host.signal.throwIfAborted()
  if (info.code !== 0)
    throw inputFailure(
      `${name} does not answer: ${info.stderr
        .trim()
        .split('\n')
        .at(-1)
        ?.replace(/^error: /, '')}`,
    )
  return {
    version: readVersion(info.stdout) ?? 'unknown',
    build: (request, options, control) =>
      host.exec({
        file: 'buildctl',
        args: [...flags, ...planBuildctl(request, options)],
        directory: work,
        env,
        ...control,
      }),
  }
}
