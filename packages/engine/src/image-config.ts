// The config of an image as every engine would write it: what the image spec and docker know, without empty fields.
import type { ImageConfig } from '@polyarch/oci'

type Json = Readonly<Record<string, unknown>>

/** image-spec config.md. */
const imageFields = [
  'created',
  'author',
  'architecture',
  'os',
  'os.version',
  'os.features',
  'variant',
  'config',
  'rootfs',
  'history',
]

/** image-spec config.md, with the fields that it reserves for docker's use and that docker still reads. */
const containerFields = [
  'User',
  'ExposedPorts',
  'Env',
  'Entrypoint',
  'Cmd',
  'Volumes',
  'WorkingDir',
  'Labels',
  'StopSignal',
  'StopTimeout',
  'ArgsEscaped',
  'Healthcheck',
  'OnBuild',
  'Shell',
]

const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === '' ||
  value === false ||
  (typeof value === 'object' && Object.keys(value).length === 0)

const keep = (record: Json, fields: readonly string[]): Json =>
  Object.fromEntries(fields.flatMap((field) => (isEmpty(record[field]) ? [] : [[field, record[field]]])))

/** The config with the fields of the specs that say something; what an engine noted for itself is left out. */
export const normaliseConfig = (config: ImageConfig): ImageConfig => ({
  ...keep(config, imageFields),
  os: config.os,
  architecture: config.architecture,
  config: keep(config.config ?? {}, containerFields),
  rootfs: config.rootfs,
})
