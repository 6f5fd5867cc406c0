// polyarch preflight: what each engine would make of a Dockerfile, for a person, a machine or a forge.
import { readFile, writeFile } from 'node:fs/promises'
import { relative, resolve } from 'node:path'
import { choice, defineStep, type Host, map, parseInput, requireValues, text } from '@polyarch/ci-host'
import { type EngineName, engineNames, type Finding, type Judgement, judge } from '@polyarch/dockerfile'
import { describeFinding, findFeatures, hostPlatform, readAllowances } from '@polyarch/engine'
import { Failure, formatPlatform, inputFailure, parsePlatform } from '@polyarch/oci'
import { openImageLookup, openStores, storeInputs } from '@polyarch/stores'
import { z } from 'zod'
import { formatCodeQuality } from './code-quality.ts'

const inputs = z.object({
  dockerfile: text('The Dockerfile', { required: true }),
  engine: choice('The engine whose verdict counts', engineNames, 'kaniko'),
  'engine-version': text('Its version; default: the newest that is known'),
  platform: text('The platform to build for; default: this machine’s'),
  target: text('The stage to build; default: the last'),
  'build-args': map('Build arguments, lines of key=value'),
  allow: map('Findings that are fine here, lines of finding=reason'),
  'code-quality': text('A file for the findings as a GitLab code quality report'),
  ...storeInputs,
})

const verdict = z.enum(['ok', 'warn', 'refuse'])

const outputs = z.object({
  dockerfile: z.string().describe('The Dockerfile, as it was given'),
  engine: z.string().describe('The engine'),
  version: z.string().nullable().describe('Its version, where one was given'),
  platform: z.string().describe('The platform'),
  verdict: verdict.describe('The worst verdict of all findings'),
  findings: z
    .array(
      z.object({
        line: z.number(),
        feature: z.string(),
        verdict,
        message: z.string(),
        alternative: z.string(),
      }),
    )
    .describe('The findings in the order of the file'),
})

const symbols = { ok: 'ok', warn: 'warning', refuse: 'WRONG' } as const

/** One row per finding, one column per engine. */
const formatTable = (findings: readonly Finding[], judgements: ReadonlyMap<EngineName, Judgement>): string => {
  const rows = [
    ['line', 'feature', ...judgements.keys()],
    ...findings.map((finding, position) => [
      String(finding.line),
      finding.feature,
      ...[...judgements.values()].map((judgement) => symbols[judgement.findings[position]?.verdict ?? 'ok']),
    ]),
  ]
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** A word that is no version would be judged as the newest, and nobody would notice. */
const requireVersion = (written: string | undefined): string | undefined => {
  if (written === undefined || /^v?\d+(?:\.\d+)+/.test(written)) return written
  throw inputFailure(`input engine-version: expected a version, for example 1.28.3; found "${written}"`)
}

const readDockerfile = async (host: Host, file: string): Promise<string> => {
  try {
    return await readFile(resolve(host.directory, file), 'utf8')
  } catch (cause) {
    throw inputFailure(`input dockerfile: ${file} cannot be read (${(cause as NodeJS.ErrnoException).code})`, { cause })
  }
}

/** Inspects a Dockerfile and says what the engines make of it; ends with exit 3 where the engine asked for refuses. */
export const step = defineStep({
  name: 'preflight',
  title: 'Polyarch: preflight',
  description: 'Says, before anything runs, what each engine would make of a Dockerfile.',
  inputs,
  outputs,
  run: async (values, host) => {
    const version = requireVersion(values['engine-version'])
    const source = await readDockerfile(host, values.dockerfile)
    const buildPlatform = hostPlatform()
    const platform =
      values.platform === undefined ? buildPlatform : parseInput('platform', values.platform, parsePlatform)
    const args = requireValues('build-args', values['build-args'])
    const settings = { target: values.target ?? null, platform, buildPlatform, args }
    await using stores = await openStores(values, host)
    const found = await findFeatures({ text: source, settings }, openImageLookup(stores), (message) =>
      host.log.info(message),
    )
    const allowances = readAllowances(values.allow)
    const judgements = new Map(
      engineNames.map((engine) => [
        engine,
        judge(found, { engine, ...(engine === values.engine ? { version } : {}) }, allowances),
      ]),
    )
    const judgement = judgements.get(values.engine)!
    for (const note of judgement.notes) if (version !== undefined) host.log.warning(note)
    host.log.info(
      found.length === 0
        ? `${values.dockerfile}: nothing that engines treat differently`
        : formatTable(found, judgements),
    )
    for (const finding of judgement.findings) {
      if (finding.verdict === 'ok') continue
      const place = { file: values.dockerfile, line: finding.line }
      host.log.warning(describeFinding(values.dockerfile, finding), host.kind === 'terminal' ? undefined : place)
    }
    if (values['code-quality'] !== undefined) {
      const report = formatCodeQuality(relative(host.directory, resolve(host.directory, values.dockerfile)), judgement)
      await writeFile(resolve(host.directory, values['code-quality']), report)
    }
    return {
      dockerfile: values.dockerfile,
      engine: values.engine,
      version: version ?? null,
      platform: formatPlatform(platform),
      verdict: judgement.verdict,
      findings: judgement.findings.map(({ line, feature, verdict: each, message, alternative }) => ({
        line,
        feature,
        verdict: each,
        message,
        alternative,
      })),
    }
  },
  failure: ({ verdict: worst, dockerfile, engine, findings }) =>
    worst === 'refuse'
      ? new Failure(
          'preflight',
          `${dockerfile}: ${engine} would build it wrong: ${findings.filter((finding) => finding.verdict === 'refuse').length} findings`,
        )
      : undefined,
})
