// npm run bench:plan: how long planning takes from 10 to 1,000 images over a repository of 20,000 files.
import { execFile } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { openHost, parseInputs } from '@polyarch/ci-host'
import { step } from '@polyarch/detect-arch'
import { median } from './measure.ts'

const counts = [10, 100, 1000] as const
const files = 20_000
const runs = 5
const goalSeconds = 2

const platforms = ['linux/amd64', 'linux/arm64', 'linux/s390x', 'linux/ppc64le']

const dockerfile = `FROM golang:1.25 AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/root/.cache go build -o /app ./...
FROM scratch
ARG VERSION=1
COPY --from=build /app /app
ENTRYPOINT ["/app"]
`

const configOf = (count: number): string => `version: 1
defaults: { registry: ghcr.io/acme, platforms: [${platforms.join(', ')}], emulate: allow }
images:
${Array.from({ length: count }, (_, image) => {
  const needs = image % 10 === 0 ? '' : `, needs: [image-${image - (image % 10)}]`
  return `  image-${image}: { context: services/image-${image}, tags: ["{{short-sha}}", latest]${needs} }`
}).join('\n')}
`

const git = async (directory: string, ...args: string[]): Promise<void> => {
  const identity = ['-c', 'user.name=bench', '-c', 'user.email=bench@localhost', '-c', 'gc.auto=0']
  await promisify(execFile)('git', [...identity, ...args], { cwd: directory })
}

/** A repository with so many images, each of which its second commit touches. */
const writeRepository = async (directory: string, count: number): Promise<void> => {
  for (let image = 0; image < count; image++) {
    const context = join(directory, 'services', `image-${image}`)
    await mkdir(context, { recursive: true })
    await writeFile(join(context, 'Dockerfile'), dockerfile)
    await writeFile(join(context, '.dockerignore'), 'docs\n*.md\n!README.md\n')
    for (let file = 2; file < files / count; file++) await writeFile(join(context, `file-${file}.txt`), `${file}\n`)
  }
  await writeFile(join(directory, 'polyarch.yaml'), configOf(count))
  await git(directory, 'init', '--quiet')
  await git(directory, 'add', '--all')
  await git(directory, 'commit', '--quiet', '--message', 'first')
  for (let image = 0; image < count; image++)
    await writeFile(join(directory, 'services', `image-${image}`, 'file-2.txt'), 'changed\n')
  await git(directory, 'commit', '--quiet', '--all', '--message', 'second')
}

/** Seconds that one plan takes, and how many legs it has. */
const measure = async (directory: string, since: string | undefined): Promise<{ seconds: number; legs: number }> => {
  const env = { PATH: process.env['PATH'], GITHUB_ACTIONS: 'true', GITHUB_REPOSITORY: 'acme/shop' }
  const host = openHost(env, directory)
  const quiet = { ...host, kind: 'gitlab' as const, log: { ...host.log, info: () => undefined } }
  const start = performance.now()
  const { plan } = await step.run(parseInputs(step, since === undefined ? {} : { 'changed-since': since }), quiet)
  return { seconds: (performance.now() - start) / 1000, legs: typeof plan === 'object' ? plan.legs.length : 0 }
}

const directory = join(tmpdir(), `polyarch-plan-scale-${process.pid}`)
const lines: string[] = []
let slowest = 0
try {
  for (const count of counts) {
    const repository = join(directory, String(count))
    await mkdir(repository, { recursive: true })
    await writeRepository(repository, count)
    const cells: string[] = []
    let legs = 0
    for (const since of [undefined, 'HEAD^']) {
      const measured = []
      for (let run = 0; run < runs; run++) measured.push(await measure(repository, since))
      legs = measured[0]?.legs ?? 0
      const seconds = median(measured.map((result) => result.seconds))
      if (count === counts.at(-1)) slowest = Math.max(slowest, seconds)
      cells.push(seconds.toFixed(3), ((seconds * 1000) / count).toFixed(2))
    }
    lines.push(`| ${[count, legs, ...cells].map((cell) => String(cell).padStart(8)).join(' | ')} |`)
  }
} finally {
  await rm(directory, { recursive: true, force: true })
}
const [processor] = cpus()
console.log(
  `${cpus().length} cores, ${processor?.model.trim()}; Node ${process.versions.node}; ${files} files; median of ${runs} runs\n`,
)
console.log('|   images |     legs |  seconds | ms/image | since, s | ms/image |')
console.log('| -------: | -------: | -------: | -------: | -------: | -------: |')
for (const line of lines) console.log(line)
if (slowest >= goalSeconds) {
  console.error(`\n1,000 images x 4 platforms took ${slowest.toFixed(3)} s: the goal is less than ${goalSeconds} s`)
  process.exitCode = 1
}
