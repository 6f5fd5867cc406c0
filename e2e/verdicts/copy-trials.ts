// Trials of COPY and ADD: their flags, sources, destinations and heredocs.
import type { Feature } from '@polyarch/dockerfile'
import { archive, type Scene, servedText } from './scene.ts'
import type { Trial } from './trial.ts'

const fromScratch =
  (...lines: readonly string[]) =>
  (): string =>
    ['FROM scratch', ...lines, ''].join('\n')

const wrongDigest = `sha256:${'0'.repeat(64)}`

const addServed = (flags: (scene: Scene) => string) => (scene: Scene) =>
  `FROM scratch\nADD ${flags(scene)} ${scene.site}/file /got\n`

export const copyTrials = {
  'copy-chmod': [
    {
      name: 'the mode is set',
      dockerfile: fromScratch('COPY --chmod=751 file /file'),
      files: { file: 'x' },
      right: { files: { file: { text: 'x', mode: 0o751 } } },
    },
  ],
  'copy-chmod-symbolic': [
    {
      name: 'the mode is set',
      dockerfile: fromScratch('COPY --chmod=u=rwx,go=rx file /file'),
      files: { file: 'x' },
      right: { files: { file: { text: 'x', mode: 0o755 } } },
    },
  ],
  'add-chmod-special': [
    {
      name: 'the setuid bit is set',
      dockerfile: fromScratch('ADD --chmod=4711 file /file'),
      files: { file: 'x' },
      right: { files: { file: { text: 'x', mode: 0o4711 } } },
    },
  ],
  'copy-exclude': [
    {
      name: 'what is excluded is not copied',
      dockerfile: fromScratch('COPY --exclude=*.key data /data/'),
      files: { 'data/file': 'x', 'data/private.key': 'secret' },
      right: { files: { 'data/file': 'x', 'data/private.key': null } },
    },
  ],
  'copy-link': [
    {
      name: 'the files are the same',
      dockerfile: fromScratch('COPY --link file /deep/file'),
      files: { file: 'x' },
      right: { files: { 'deep/file': 'x' } },
    },
  ],
  'copy-parents': [
    {
      name: 'directories are kept',
      dockerfile: fromScratch('COPY --parents a/b/file c/file /to/'),
      files: { 'a/b/file': 'x', 'c/file': 'y' },
      right: { files: { 'to/a/b/file': 'x', 'to/c/file': 'y' } },
    },
  ],
  'copy-to-kaniko': [
    {
      name: 'the files are in the image, and nothing else is',
      dockerfile: fromScratch('COPY file /kaniko/file', 'COPY file /kaniko/layout/file', 'COPY file /file'),
      files: { file: 'x' },
      right: {
        files: {
          'kaniko/file': 'x',
          'kaniko/layout/file': 'x',
          file: 'x',
          'kaniko/executor': null,
          'kaniko/buildcontext/file': null,
          'etc/hosts': null,
        },
      },
    },
  ],
  'copy-user': [
    {
      name: 'root owns what is copied',
      dockerfile: ({ registry }) => `FROM ${registry}/base:1\nUSER 1000\nCOPY file /file\n`,
      files: { file: 'x' },
      right: { files: { file: { text: 'x', uid: 0 } } },
    },
  ],
  'heredoc-copy': [
    {
      name: 'its text is the file',
      dockerfile: fromScratch("COPY <<'EOF' /made", 'one $two', 'EOF'),
      right: { files: { made: 'one $two\n' } },
    },
    {
      name: 'several are several files',
      dockerfile: fromScratch('COPY <<one <<two /made/', '1', 'one', '2', 'two'),
      right: { files: { 'made/one': '1\n', 'made/two': '2\n' } },
    },
  ],
  'heredoc-copy-variables': [
    {
      name: 'its variables are expanded',
      dockerfile: fromScratch('ARG WHO=world', 'COPY <<EOF /made', 'hello $WHO', 'EOF'),
      right: { files: { made: 'hello world\n' } },
    },
  ],
  'add-checksum': [
    {
      name: 'what has the digest is added',
      dockerfile: addServed(({ fileDigest }) => `--checksum=${fileDigest}`),
      right: { files: { got: servedText } },
    },
    {
      name: 'what has another fails',
      dockerfile: addServed(() => `--checksum=${wrongDigest}`),
      right: { fails: /digest|checksum/ },
    },
  ],
  'add-git': [
    {
      name: 'the repository’s files are added',
      dockerfile: ({ site }) => `FROM scratch\nADD ${site}/project.git#main /project\n`,
      right: { files: { 'project/committed': 'committed\n', 'project/.git/HEAD': null } },
    },
  ],
  'add-unpack': [
    {
      name: 'a local archive stays one',
      dockerfile: fromScratch('ADD --unpack=false archive.tar /to/'),
      files: { 'archive.tar': archive },
      right: { files: { 'to/archive.tar': { type: 'file' }, 'to/inner': null } },
    },
    {
      name: 'a remote one is unpacked',
      dockerfile: ({ site }) => `FROM scratch\nADD --unpack=true ${site}/archive.tar /to/\n`,
      right: { files: { 'to/inner': 'unpacked\n', 'to/archive.tar': null } },
    },
  ],
} as const satisfies Partial<Record<Feature, readonly Trial[]>>
