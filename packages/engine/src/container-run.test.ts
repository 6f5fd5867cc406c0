// The words by which docker and podman are asked for a container.
import { expect, test } from 'vitest'
import { type ContainerRun, planContainerCopy, planContainerRemoval, planContainerRun } from './container-run.ts'

const run: ContainerRun = {
  name: 'polyarch-1',
  image: 'ghcr.io/acme/kaniko:v1',
  entrypoint: '/kaniko/executor',
  args: ['--force'],
  env: { USER: 'root' },
  passedEnv: ['HTTPS_PROXY'],
  mounts: [
    { kind: 'bind', source: '/work/my "app", v2', target: '/kaniko/buildcontext', readOnly: true },
    { kind: 'bind', source: '/work/out', target: '/kaniko/layout', readOnly: false },
    { kind: 'empty', target: '/kaniko/buildcontext/.polyarch' },
  ],
  hostNetwork: true,
}

test('runs one program under a name, with values that may be secret taken from the client’s environment', () => {
  expect(planContainerRun(run)).toEqual([
    'run',
    '--name=polyarch-1',
    '--entrypoint=/kaniko/executor',
    '--network=host',
    '--env=USER=root',
    '--env=HTTPS_PROXY',
    '--mount=type=bind,"source=/work/my ""app"", v2",target=/kaniko/buildcontext,readonly',
    '--mount=type=bind,source=/work/out,target=/kaniko/layout',
    '--mount=type=tmpfs,target=/kaniko/buildcontext/.polyarch',
    'ghcr.io/acme/kaniko:v1',
    '--force',
  ])
  expect(planContainerRun({ ...run, hostNetwork: false })).not.toContain('--network=host')
})

test('copies a directory’s content, and removes by name', () => {
  expect(planContainerCopy('polyarch-1', '/kaniko/layout', '/out')).toEqual([
    'cp',
    'polyarch-1:/kaniko/layout/.',
    '/out',
  ])
  expect(planContainerRemoval('polyarch-1')).toEqual(['rm', '--force', '--volumes', 'polyarch-1'])
})
