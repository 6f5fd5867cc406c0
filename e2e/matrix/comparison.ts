// Where an image differs from the one that BuildKit built of the same project.
import type { BuiltFile, BuiltImage } from '../verdicts/built-image.ts'

/** One thing that is not as in BuildKit's image. */
export interface Divergence {
  readonly aspect: 'file' | 'config' | 'manifest'
  /** A path without leading `/`, or the name of a field. */
  readonly key: string
  readonly found: string
  readonly expected: string
}

const describeFile = (file: BuiltFile | undefined): string => {
  if (!file) return 'absent'
  const { type, mode, uid, gid, target, digest } = file
  return [type, mode.toString(8), `${uid}:${gid}`, target, digest].filter((part) => part !== undefined).join(' ')
}

type Fields = Readonly<Record<string, unknown>>

const diverge = (aspect: Divergence['aspect'], found: Fields, expected: Fields): Divergence[] =>
  [...new Set([...Object.keys(found), ...Object.keys(expected)])].sort().flatMap((key) => {
    const [left, right] = [JSON.stringify(found[key]) ?? 'absent', JSON.stringify(expected[key]) ?? 'absent']
    return left === right ? [] : [{ aspect, key, found: left, expected: right }]
  })

const sortKeys = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)))
    : value

/** What a container is started with, and what the image says of itself; without times and digests. */
const configFields = ({ config }: BuiltImage): Fields => {
  const { created: _, rootfs, history, config: container, ...image } = config
  const entries = Array.isArray(history) ? (history as { created_by?: string; empty_layer?: boolean }[]) : []
  return {
    ...image,
    ...Object.fromEntries(Object.entries(container ?? {}).map(([key, value]) => [key, sortKeys(value)])),
    history: entries.map(({ created_by }) => created_by),
    'layers in the history': entries.filter((entry) => entry.empty_layer !== true).length === rootfs.diff_ids.length,
  }
}

const manifestFields = ({ manifest }: BuiltImage): Fields => ({
  mediaType: manifest.mediaType,
  annotations: manifest.annotations,
  'first layer': manifest.layers[0]?.digest,
})

/** Everything that differs: paths, types, modes, owners, contents, links; config; manifest. `built` has no base image. */
export const compareImages = (found: BuiltImage, expected: BuiltImage, hasBase: boolean): Divergence[] => {
  const files = (image: BuiltImage): Fields =>
    Object.fromEntries([...image.files].map(([path, file]) => [path === '' ? '/' : path, describeFile(file)]))
  const manifest = diverge('manifest', manifestFields(found), manifestFields(expected))
  return [
    ...diverge('file', files(found), files(expected)),
    ...diverge('config', configFields(found), configFields(expected)),
    // Without a base image the first layer is the engine's own, with the times of its own build.
    ...manifest.filter(({ key }) => hasBase || key !== 'first layer'),
  ]
}
