// Trials of stages and what they are built from: directives, platforms, ONBUILD, and what is only in the config.
import type { Feature } from '@polyarch/dockerfile'
import { hostPlatform } from '@polyarch/engine'
import { otherArchitecture } from './scene.ts'
import type { Trial } from './trial.ts'

const own = hostPlatform().architecture
const other = otherArchitecture

/** What `uname -m` says. */
const machineName = own === 'arm64' ? 'aarch64' : 'x86_64'

export const stageTrials = {
  'base-onbuild': [
    {
      name: 'its triggers are run',
      dockerfile: ({ registry }) => `FROM ${registry}/onbuild:1\nENV A=b\n`,
      right: { files: { triggered: 'triggered\n' } },
    },
  ],
  'base-platform-missing': [
    {
      name: 'it is built for the platform',
      dockerfile: ({ registry }) => `FROM ${registry}/base:1\nCOPY file /file\n`,
      files: { file: 'x' },
      platform: 'linux/s390x',
      right: { architecture: 's390x', files: { file: 'x', 'bin/busybox': { machine: 's390x' } } },
    },
  ],
  'base-single-platform': [
    {
      name: 'it is built for the platform',
      dockerfile: ({ registry }) => `FROM ${registry}/single:1\nCOPY file /file\n`,
      files: { file: 'x' },
      platform: `linux/${other}`,
      right: { architecture: other, files: { file: 'x', 'bin/busybox': { machine: other } } },
    },
  ],
  'check-error': [
    {
      name: 'without a mistake it is built',
      dockerfile: () => '# check=error=true\nFROM scratch\nCOPY file /file\n',
      files: { file: 'x' },
      right: { files: { file: 'x' } },
    },
    {
      name: 'a mistake fails',
      dockerfile: () => '# check=error=true\nFROM scratch as base\nCOPY file /file\n',
      files: { file: 'x' },
      right: { fails: /lint|check/ },
      loss: true,
    },
  ],
  'from-platform': [
    {
      name: 'a stage is of the platform that it names',
      dockerfile: ({ registry }) => `FROM --platform=linux/${other} ${registry}/base:1 AS tool
FROM ${registry}/base:1
COPY --from=tool /bin/busybox /opt/tool
`,
      right: { architecture: own, files: { 'opt/tool': { machine: other } } },
    },
    {
      name: 'a stage on the build platform runs there',
      dockerfile: ({ registry }) => `FROM --platform=$BUILDPLATFORM ${registry}/base:1 AS tool
RUN uname -m > /machine
FROM ${registry}/base:1
COPY --from=tool /machine /machine
`,
      platform: `linux/${other}`,
      right: { architecture: other, files: { machine: `${machineName}\n`, 'bin/busybox': { machine: other } } },
    },
  ],
  'healthcheck-start-interval': [
    {
      name: 'the healthcheck is there',
      dockerfile: () =>
        'FROM scratch\nCOPY file /file\nHEALTHCHECK --interval=5s --start-interval=2s CMD ["/healthy"]\n',
      files: { file: 'x' },
      right: { healthcheck: { Test: ['CMD', '/healthy'], Interval: 5_000_000_000 } },
    },
    {
      name: 'its start interval is there',
      dockerfile: () => 'FROM scratch\nCOPY file /file\nHEALTHCHECK --start-interval=2s CMD ["/healthy"]\n',
      files: { file: 'x' },
      right: { healthcheck: { StartInterval: 2_000_000_000 } },
      loss: true,
    },
  ],
  onbuild: [
    {
      name: 'its triggers are run in the stage that is built on it',
      dockerfile: ({ registry }) => `FROM ${registry}/base:1 AS parent
ONBUILD RUN echo triggered > /triggered
FROM parent
ENV A=b
`,
      right: { files: { triggered: 'triggered\n' } },
    },
  ],
  'platform-args': [
    {
      name: 'they have their values',
      dockerfile: () => `FROM scratch
ARG TARGETPLATFORM
ARG TARGETARCH BUILDPLATFORM
COPY file /file-\${TARGETARCH}
ENV TARGET=$TARGETPLATFORM BUILD=$BUILDPLATFORM
`,
      files: { file: 'x' },
      platform: `linux/${other}`,
      right: {
        architecture: other,
        env: [`TARGET=linux/${other}`, `BUILD=linux/${own}`],
        files: { [`file-${other}`]: 'x' },
      },
    },
  ],
  'platform-args-global': [
    {
      name: 'they choose the base image',
      dockerfile: ({ registry }) => `FROM ${registry}/base-\${TARGETARCH}:1\nCOPY file /file\n`,
      files: { file: 'x' },
      platform: `linux/${other}`,
      right: { architecture: other, files: { file: 'x', 'bin/busybox': { machine: other } } },
    },
    {
      name: 'they choose a stage',
      dockerfile: () => `FROM scratch AS files-${own}
COPY own /file
FROM scratch AS files-${other}
COPY other /file
FROM files-\${TARGETARCH}
`,
      files: { own: 'own', other: 'other' },
      platform: `linux/${other}`,
      right: { architecture: other, files: { file: 'other' } },
    },
  ],
  'shell-form-overwritten': [
    {
      name: 'a RUN leaves what is started as it is',
      dockerfile: ({ registry }) => `FROM ${registry}/base:1
SHELL ["/bin/sh", "-e", "-c"]
CMD echo started
RUN echo built > /built
`,
      right: { scripts: [undefined, 'echo started'] },
    },
    {
      name: 'CMD and ENTRYPOINT are two',
      dockerfile: () => `FROM scratch
COPY file /file
SHELL ["/bin/sh", "-e", "-c"]
CMD echo started
ENTRYPOINT exec sh
`,
      files: { file: 'x' },
      right: { scripts: ['exec sh', 'echo started'] },
    },
  ],
  'shell-form-start': [
    {
      name: 'the shell starts it',
      dockerfile: () =>
        'FROM scratch\nCOPY file /file\nSHELL ["/bin/bash", "-o", "pipefail", "-c"]\nCMD echo started\n',
      files: { file: 'x' },
      right: { cmd: ['/bin/bash', '-o', 'pipefail', '-c', 'echo started'] },
    },
    {
      name: 'a shell whose words fill their memory starts it, whatever comes later',
      dockerfile: ({ registry }) =>
        `FROM ${registry}/base:1\nSHELL ["/bin/busybox", "sh", "-e", "-c"]\nCMD echo started\nRUN echo built > /built\n`,
      right: { cmd: ['/bin/busybox', 'sh', '-e', '-c', 'echo started'] },
    },
  ],
  'syntax-frontend': [
    {
      name: 'a frontend that does not exist fails',
      dockerfile: ({ registry }) => `# syntax=${registry}/no-such-frontend:1\nFROM scratch\nCOPY file /file\n`,
      files: { file: 'x' },
      right: { fails: /no-such-frontend/ },
    },
  ],
  'unused-stage': [
    {
      name: 'they leave nothing in the image',
      dockerfile: ({ registry }) => `FROM ${registry}/base:1 AS unused
RUN echo unused > /unused
FROM ${registry}/base:1
RUN echo used > /used
`,
      right: { files: { used: 'used\n', unused: null } },
    },
    {
      name: 'they are not built',
      dockerfile: ({ registry }) => `FROM ${registry}/base:1 AS unused
RUN exit 1
FROM ${registry}/base:1
RUN echo used > /used
`,
      right: { files: { used: 'used\n' } },
    },
  ],
} as const satisfies Partial<Record<Feature, readonly Trial[]>>
