// The differences between engines that remain, and why; docs/engines.md lists them.
import type { EngineName } from '@polyarch/dockerfile'
import type { Divergence } from './comparison.ts'

export interface Difference {
  readonly engine: Exclude<EngineName, 'buildkit'>
  /** What is otherwise than in BuildKit's image, as docs/engines.md says it. */
  readonly what: string
  readonly why: string
  /** The divergences that it explains, by aspect and key. */
  readonly shows: { readonly [A in Divergence['aspect']]?: RegExp }
}

export const differences: readonly Difference[] = [
  {
    engine: 'buildah',
    what: 'Layers of the base image are compressed anew: their digests are not those of the base, so registries and hosts do not share them',
    why: 'buildah keeps layers uncompressed and compresses what it exports; the files are the same',
    shows: { manifest: /^first layer$/ },
  },
  {
    engine: 'buildah',
    what: 'Empty files `/etc/hosts`, `/etc/resolv.conf` and `/etc/hostname` and a directory `/run`, where the base image has none and a RUN was run',
    why: 'chroot isolation mounts the machine’s own there; container engines mount theirs over them',
    shows: { file: /^(?:run|etc\/(?:hosts|resolv\.conf|hostname))$/ },
  },
  {
    engine: 'buildah',
    what: 'The directory of WORKDIR belongs to the user of the next RUN, and does not inherit a setgid bit',
    why: 'buildah makes it when that RUN is run; it makes no layer of its own for it',
    shows: { file: /^home\/sub$/ },
  },
  {
    engine: 'buildah',
    what: 'Directories that COPY has to make for `--chmod` have mode 0755',
    why: 'BuildKit gives them the mode that is meant for the file',
    shows: { file: /^usr(?:\/bin)?$/ },
  },
  {
    engine: 'buildah',
    what: 'The history has docker’s classic wording; no `WorkingDir` and `ArgsEscaped` where nothing sets them',
    why: 'they are for people, the default, and for Windows',
    shows: { config: /^(?:history|WorkingDir|ArgsEscaped)$/ },
  },
  {
    engine: 'kaniko',
    what: 'An entry for the root directory itself',
    why: 'kaniko takes it into the layers that it writes; nothing of it changes',
    shows: { file: /^\/$/ },
  },
  {
    engine: 'kaniko',
    what: 'No empty `/dev`, `/proc` and `/sys`, where the base image has none',
    why: 'kaniko leaves mount points out of its layers; container engines make them',
    shows: { file: /^(?:dev|proc|sys)$/ },
  },
  {
    engine: 'kaniko',
    what: 'Directories that COPY has to make for `--chmod` and `--chown` are root’s, with mode 0755; so is that of WORKDIR, without an inherited setgid bit',
    why: 'kaniko makes them before it copies',
    shows: { file: /^(?:usr(?:\/bin)?|etc|home\/sub)$/ },
  },
  {
    engine: 'kaniko',
    what: 'A directory that COPY of a directory or ADD of an archive has to make gets the owner and mode of the first directory copied',
    why: 'kaniko copies the source with its root; say where it matters with RUN mkdir before',
    shows: { file: /^(?:opt|added)$/ },
  },
  {
    engine: 'kaniko',
    what: 'Docker’s media types with `FROM scratch`, and where the stage is built on another one',
    why: 'they follow the base image; `media-type: oci` gives those of the specification',
    shows: { manifest: /^mediaType$/ },
  },
  {
    engine: 'kaniko',
    what: 'The history has an entry for each layer only; no `WorkingDir` and `ArgsEscaped` where nothing sets them',
    why: 'they are for people, the default, and for Windows',
    shows: { config: /^(?:history|WorkingDir|ArgsEscaped)$/ },
  },
]

/** The table of docs/engines.md. */
export const formatDifferences = (): string =>
  [
    '| engine | what is otherwise | why |',
    '| --- | --- | --- |',
    ...differences.map(({ engine, what, why }) => `| ${engine} | ${what} | ${why} |`),
  ].join('\n')
