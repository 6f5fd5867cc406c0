// buildkitd.toml: what a buildkitd is told that the step starts.
import type { RegistryAccess } from '@polyarch/engine'

/** A text as a basic string of TOML, which JSON's are too. */
const quote = (text: string): string => JSON.stringify(text)

export interface DaemonSettings {
  /** Absolute: where its layers and its cache are. */
  readonly state: string
  /** Absolute: the socket that it mounts into the containers of RUN instructions. */
  readonly telemetrySocket: string
  /** Absolute: where the devices of the build are described; undefined where it has none of its own. */
  readonly devices: string | undefined
  /** Whether the state is kept, so that it has to be kept small. */
  readonly keepsState: boolean
}

/** The [registry] tables, which docker's builders take too. */
export const formatRegistries = ({ insecure, mirrors }: RegistryAccess): string =>
  [...new Set([...insecure, ...Object.keys(mirrors)])]
    .map((host) =>
      [
        `[registry.${quote(host)}]`,
        ...(insecure.includes(host) ? ['http = true', 'insecure = true'] : []),
        ...(mirrors[host] ? [`mirrors = [${mirrors[host].map(quote).join(', ')}]`] : []),
        '',
      ].join('\n'),
    )
    .join('\n')

/** https://github.com/moby/buildkit/blob/v0.33.0/docs/buildkitd.toml.md */
export const formatDaemonConfig = (
  { state, telemetrySocket, devices, keepsState }: DaemonSettings,
  access: RegistryAccess,
): string =>
  [
    `root = ${quote(state)}`,
    '[otel]',
    `socketPath = ${quote(telemetrySocket)}`,
    ...(devices === undefined ? [] : ['[cdi]', `specDirs = [${quote(devices)}]`]),
    '[worker.containerd]',
    'enabled = false',
    '[worker.oci]',
    'enabled = true',
    `gc = ${keepsState}`,
    'networkMode = "host"',
    formatRegistries(access),
  ].join('\n')
