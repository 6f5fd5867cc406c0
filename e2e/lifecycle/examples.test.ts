// The example pipelines of both forges, run as they are: every phase of the real lifecycle a job, with extend-image between.
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { lacks, partPath, type RunningRegistry, startRegistry } from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { parseDocument, stringify } from 'yaml'
import { runWorkflow } from '../act.ts'
import { runPipeline } from '../gitlab-pipeline.ts'
import { platformsOf, tagsOf } from '../image-judge.ts'
import { type ReleasedTree, releaseTree } from '../released-tree.ts'
import { createExample } from './example-project.ts'
import { readLabels, startApp } from './exported-app.ts'
import { pullImage } from './pulled-image.ts'

// Each builds for real, on a machine that may be busy.
vi.setConfig({ testTimeout: 180_000 })

const workflow = '.github/workflows/buildpacks.yml'

interface Items {
  readonly items: readonly { get(key: string): unknown; setIn(path: readonly string[], value: unknown): void }[]
}

/** The workflow with the executor of this machine: no registry of images can be reached. */
const withExecutor = (text: string): string => {
  const document = parseDocument(text)
  const { items } = document.getIn(['jobs', 'extend', 'steps']) as Items
  const extenders = items.filter((step) => String(step.get('uses')).includes('/extend-image@'))
  expect(extenders).toHaveLength(2)
  for (const step of extenders) {
    step.setIn(['with', 'executor'], partPath('kaniko-1.25.15'))
    step.setIn(['with', 'launcher'], 'jail')
  }
  return document.toString()
}

/** The pipeline for a shell runner of this machine's platform alone, which needs no daemon beside its jobs. */
const forShellRunner = (text: string): string => {
  const document = parseDocument(text)
  document.deleteIn(['.phase', 'services'])
  const { include, ...jobs } = document.toJS() as {
    readonly include: readonly { readonly inputs: Readonly<Record<string, string>> }[]
  }
  const kept = Object.entries(jobs).filter(([name]) => !name.endsWith('linux/arm64'))
  const components = include.filter(({ inputs }) => !inputs['job-name']?.endsWith('linux/arm64'))
  expect([Object.keys(jobs).length - kept.length, include.length - components.length]).toEqual([7, 2])
  return stringify({ ...Object.fromEntries(kept), include: components })
}

/** GitHub's own actions for artifacts, which no machine of a test reaches: a directory that jobs share. */
const artifactActions = {
  'actions/upload-artifact@v4': 'mkdir -p "$SHARED/$NAME" && cp -R "$FILE" "$SHARED/$NAME/"',
  'actions/download-artifact@v5': 'mkdir -p "$FILE" && for one in "$SHARED"/$NAME; do cp -R "$one/." "$FILE/"; done',
}

const actionFile = (run: string): string => `name: artifact
description: Shares files with other jobs of this run.
inputs:
  name: { description: The artifact, default: '' }
  pattern: { description: Or several, default: '' }
  path: { description: Where its files are, default: . }
  overwrite: { description: Not needed here, default: '' }
  merge-multiple: { description: Not needed here, default: '' }
runs:
  using: composite
  steps:
    - shell: sh
      env: { NAME: "\${{ inputs.name }}\${{ inputs.pattern }}", FILE: "\${{ inputs.path }}" }
      run: ${run}
`

describe.skipIf(
  lacks(
    'root',
    'lifecycle',
    'act',
    'gitlab-ci-local',
    'kaniko-1.25.15',
    'docker-registry',
    'skopeo',
    'busybox-amd64',
    'busybox-arm64',
  ),
)('the example of an application with extensions', () => {
  let released: ReleasedTree
  let registry: RunningRegistry
  beforeAll(async () => {
    released = await releaseTree()
    registry = await startRegistry()
  })
  afterAll(async () => {
    await registry?.stop()
    await released?.[Symbol.asyncDispose]()
  })

  const expectApplication = async (group: string): Promise<void> => {
    expect(await tagsOf(registry, `${group}/web`)).toEqual(['latest', 'web.linux-amd64'])
    expect(await platformsOf(registry, `${group}/web:latest`)).toEqual(['linux/amd64'])
    const app = await pullImage(`${registry.host}/${group}/web:latest`)
    const { code, log } = await startApp(app)
    expect(code, log).toBe(0)
    expect(log).toBe('hello from x86_64')
    expect(readLabels(app)).toMatchObject({ 'greeting.by': 'acme', 'io.buildpacks.rebasable': 'true' })
  }

  test('builds, exports and merges it on GitHub', async () => {
    await using project = await createExample(registry, 'github', 'https://github.com/acme/shop.git', (file, text) =>
      file === workflow ? withExecutor(text) : text,
    )
    const shared = join(dirname(project.path), 'artifacts')
    const repositories: string[] = []
    for (const [name, run] of Object.entries(artifactActions)) {
      const directory = join(dirname(project.path), name.replaceAll('/', '-'))
      await mkdir(directory)
      await writeFile(join(directory, 'action.yml'), actionFile(run))
      repositories.push(`${name}=${directory}`)
    }
    const { code, log } = await runWorkflow({
      directory: project.path,
      workflow,
      event: 'push',
      released: released.path,
      repositories,
      runners: ['ubuntu-24.04'],
      env: { SHARED: shared },
      commands: [project.commands],
    })
    expect(code, log).toBe(0)
    await expectApplication('github')
  })

  test('builds, exports and merges it on GitLab', async () => {
    await using project = await createExample(registry, 'gitlab', 'https://gitlab.com/acme/shop.git', (file, text) =>
      file === '.gitlab-ci.yml' ? forShellRunner(text) : text,
    )
    const { code, log } = await runPipeline({
      directory: project.path,
      released,
      // As it would be set for a shell runner.
      variables: { INPUT_EXECUTOR: partPath('kaniko-1.25.15'), INPUT_LAUNCHER: 'jail' },
      commands: [project.commands],
    })
    expect(code, log).toBe(0)
    await expectApplication('gitlab')
  })
})
