// Trials of RUN: its mounts, its flags and its heredocs.
import type { Feature } from '@polyarch/dockerfile'
import type { Scene } from './scene.ts'
import type { Trial } from './trial.ts'

/** A Dockerfile on the base image. */
const onBase =
  (...lines: readonly string[]) =>
  ({ registry }: Scene): string =>
    [`FROM ${registry}/base:1`, ...lines, ''].join('\n')

const nothingLeft = (type: 'cache' | 'tmpfs'): Trial => ({
  name: 'what is written there is not in the image',
  dockerfile: onBase(
    'RUN mkdir /mounted',
    `RUN --mount=type=${type},target=/mounted echo written > /mounted/file && cat /mounted/file > /copy`,
  ),
  right: { files: { copy: 'written\n', 'mounted/file': null } },
})

const insecure = onBase('RUN --security=insecure mount -t tmpfs none /tmp && echo may > /end || echo may not > /end')

export const runTrials = {
  'mount-bind': [
    {
      name: 'the context is there',
      dockerfile: onBase('RUN --mount=type=bind,source=data,target=/in cat /in/file > /copy || echo absent > /copy'),
      files: { 'data/file': 'content\n' },
      right: { files: { copy: 'content\n', 'in/file': null } },
    },
  ],
  'mount-cache': [
    nothingLeft('cache'),
    {
      name: 'one RUN sees what an earlier one left',
      dockerfile: onBase(
        'RUN mkdir /mounted',
        'RUN --mount=type=cache,target=/mounted echo written > /mounted/file',
        'RUN --mount=type=cache,target=/mounted cat /mounted/file > /copy || echo absent > /copy',
      ),
      right: { files: { copy: 'written\n', 'mounted/file': null } },
    },
  ],
  'mount-from': [
    {
      name: 'another stage’s files are there',
      dockerfile: ({ registry }) => `FROM ${registry}/base:1 AS tool
RUN echo made > /made
FROM ${registry}/base:1
RUN --mount=from=tool,target=/tool cat /tool/made > /copy || echo absent > /copy
`,
      right: { files: { copy: 'made\n', 'tool/made': null } },
    },
    {
      name: 'another image’s files are there',
      dockerfile: ({ registry }) => `FROM ${registry}/base:1
RUN --mount=from=${registry}/single:1,target=/tool test -x /tool/bin/busybox && echo there > /found || echo absent > /found
`,
      right: { files: { found: 'there\n', 'tool/bin/busybox': null } },
    },
  ],
  'mount-secret': [
    {
      name: 'a secret is there, and not in the image',
      dockerfile: onBase('RUN --mount=type=secret,id=token cat /run/secrets/token > /copy || echo absent > /copy'),
      secrets: { token: 'hunter2' },
      right: { files: { copy: 'hunter2', 'run/secrets/token': null } },
    },
    {
      name: 'one that is required and missing fails',
      dockerfile: onBase('RUN --mount=type=secret,id=token,required=true echo built > /copy'),
      right: { fails: /token/ },
    },
  ],
  'mount-ssh': [
    {
      name: 'the agent is there',
      dockerfile: onBase('RUN --mount=type=ssh test -S "$SSH_AUTH_SOCK" && echo there > /end || echo absent > /end'),
      ssh: true,
      right: { files: { end: 'there\n' } },
    },
    {
      name: 'an agent that is required and missing fails',
      dockerfile: onBase('RUN --mount=type=ssh,required=true echo built > /copy'),
      right: { fails: /ssh/i },
    },
  ],
  'mount-tmpfs': [nothingLeft('tmpfs')],
  'run-device': [
    {
      name: 'a device that is neither required nor there is done without',
      dockerfile: onBase('RUN --device=example.com/none echo built > /made'),
      right: { files: { made: 'built\n' } },
    },
    {
      name: 'a device that is required and missing fails',
      dockerfile: onBase('RUN --device=example.com/none,required echo built > /made'),
      right: { fails: /device/ },
    },
  ],
  'run-network': [
    {
      name: 'without a network no server is reached',
      dockerfile: ({ registry, site }) => `FROM ${registry}/base:1
RUN --network=none wget -q -O /answer ${site}/file && echo reached > /end || echo alone > /end
`,
      right: { files: { end: 'alone\n' } },
    },
  ],
  'run-security': [
    {
      name: 'an insecure RUN may mount, where that is granted',
      dockerfile: insecure,
      insecure: true,
      right: { files: { end: 'may\n' } },
    },
    {
      name: 'an insecure RUN may mount',
      dockerfile: insecure,
      right: { files: { end: 'may\n' } },
      loss: true,
    },
  ],
  'heredoc-run': [
    {
      name: 'its commands are run',
      dockerfile: onBase('RUN <<EOF', 'echo made > /made', 'echo too > /also', 'EOF'),
      right: { files: { made: 'made\n', also: 'too\n' } },
    },
    {
      name: 'it is the input of a command',
      dockerfile: onBase('RUN cat > /made <<EOF', 'made', 'EOF'),
      right: { files: { made: 'made\n' } },
    },
  ],
  'heredoc-shebang': [
    {
      name: 'its interpreter is used',
      dockerfile: onBase('RUN <<EOF', '#!/bin/awk -f', 'BEGIN { print "made" > "/made" }', 'EOF'),
      right: { files: { made: 'made\n' } },
    },
    {
      name: 'its interpreter’s flags are used',
      dockerfile: onBase('RUN <<EOF', '#!/bin/sh -e', 'false', 'echo made > /made', 'EOF'),
      right: { fails: /exit (?:code|status)|exited/ },
    },
  ],
  'heredoc-exec-form': [
    {
      name: 'it is the input of the command',
      dockerfile: onBase('RUN ["sh", "-s"] <<EOF', 'echo made > /made', 'EOF'),
      right: { files: { made: 'made\n' } },
    },
  ],
} as const satisfies Partial<Record<Feature, readonly Trial[]>>
