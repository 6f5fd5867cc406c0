// Extends images with a real kaniko executor in the jail, and reads what the exporter, a registry or the next job gets.
import { execFile } from 'node:child_process'
import { copyFile, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { planId } from '@polyarch/documents'
import { layoutRoots, verifyLayout } from '@polyarch/layout'
import { parseDigest } from '@polyarch/oci'
import { lacks, partPath, readImage } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { readExtendedRun } from './testing/extended-run.ts'
import { openScene, runImage, type Scene } from './testing/lifecycle-scene.ts'

const run = promisify(execFile)

const user = process.getuid?.() === 0 ? 'root' : 'user-namespaces'
const isLacking = lacks('kaniko-1.25.15', user, 'docker-registry', 'skopeo', 'busybox-amd64', 'busybox-arm64')

const kaniko = () => ({ executor: partPath('kaniko-1.25.15') })

const preamble = `ARG base_image\nFROM \${base_image}\n`
const tools = {
  'acme/tools': {
    'run.Dockerfile': `${preamble}ARG build_id\nARG user_id\nARG group_id\nARG tool\nARG base_image\nUSER root\nRUN echo "$build_id $user_id:$group_id $tool $base_image" > /tool\nRUN true\n`,
    'extend-config.toml':
      '[[run.args]]\nname = "tool"\nvalue = "curl"\n[[run.args]]\nname = "base_image"\nvalue = "evil"\n',
  },
  reset: {
    'run.Dockerfile': `${preamble}ARG build_id\nARG user_id\nARG base_image\nRUN echo "$build_id $user_id $base_image" > /reset\nUSER 1000:1001\n`,
    'build.Dockerfile': `${preamble}RUN echo build > /tmp/built\n`,
  },
} as const

const extendedOf = (scene: Scene) => readExtendedRun(join(scene.layers, 'extended/run'))

/** What is left where something should have come: nothing, not even a part. */
const leftovers = async (scene: Scene): Promise<string[]> => {
  const extended = await readdir(join(scene.layers, 'extended'), { recursive: true }).catch(() => [])
  return [...extended, ...(await readdir(scene.directory)).filter((name) => name === '.polyarch')]
}

describe.skipIf(isLacking)('a run image for the exporter', () => {
  test('has the layers, the label and the history of its extensions, and nothing of the base', async () => {
    await using scene = await openScene({ generated: tools })
    const outputs = await scene.extend(kaniko())
    const { manifest, config, layers, files, directory } = await extendedOf(scene)
    expect(outputs).toMatchObject({
      layout: directory,
      engine: 'kaniko',
      'engine-version': '1.25.15',
      kind: 'run',
      extensions: ['acme/tools', 'reset'],
    })
    expect(manifest.layers).toHaveLength(5)
    const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}'
    const image = String.raw`127\.0\.0\.1:\d+/base@(sha256:[0-9a-f]{64})`
    const [first, second] = layers.map((layer) => Object.values(layer).find((line) => line.startsWith('file')) ?? '')
    const [, firstId, firstBase] =
      new RegExp(`^file 644 0:0 (${uuid}) 1000:1001 curl ${image}\n$`).exec(first ?? '') ?? []
    const [, secondId, secondBase] = new RegExp(`^file 644 0:0 (${uuid}) root ${image}\n$`).exec(second ?? '') ?? []
    expect(scene.base).toContain(String(firstBase))
    expect(secondBase).not.toBe(firstBase)
    expect(secondId).not.toBe(firstId)
    expect(config.config).toMatchObject({ User: '1000:1001', Labels: { 'io.buildpacks.rebasable': 'true', own: 'x' } })
    expect(config['created']).toBe('0001-01-01T00:00:00Z')
    expect(config.rootfs.diff_ids).toHaveLength(5)
    expect((config['history'] as { created_by: string }[]).map((entry) => entry.created_by)).toEqual([
      'busybox-static',
      'layer 1',
      'layer 2',
      `Layer: 'RUN echo "$build_id $user_id:$group_id $tool $base_image" > /tool', Created by extension: acme/tools`,
      `Layer: 'RUN echo "$build_id $user_id $base_image" > /reset', Created by extension: reset`,
    ])
    for (const [path, mode] of Object.entries(files))
      expect(`${path} ${mode}`).toMatch(/^(?:\.|blobs|blobs\/sha256) 755$|\S 644$/)
    expect(Object.keys(files).filter((path) => path.startsWith('blobs/sha256/'))).toHaveLength(4)
    expect(scene.told.filter((line) => /user ID/.test(line))).toEqual([
      expect.stringMatching(
        /^warning: Extension from .*acme_tools\/run.Dockerfile changed the user ID from 1000 to root; this must not be the final user ID/,
      ),
    ])
  })

  test('is whole once the base is added, for skopeo too', async () => {
    await using scene = await openScene({ generated: tools })
    const { layout } = await scene.extend(kaniko())
    const base = join(scene.directory, '.base')
    for (const blob of await readdir(join(base, 'blobs/sha256')))
      await copyFile(join(base, 'blobs/sha256', blob), join(layout, 'blobs/sha256', blob))
    const [root] = await layoutRoots(layout)
    if (root === undefined) throw new Error('the layout is empty')
    await verifyLayout(layout, root)
    // A colon in the path would end it for skopeo.
    await rename(layout, join(scene.directory, 'whole'))
    await run(partPath('skopeo'), [
      'copy',
      '--insecure-policy',
      `oci:${scene.directory}/whole`,
      `dir:${scene.directory}/copied`,
    ])
  })

  test('takes the place of an earlier one, and only of that', async () => {
    await using scene = await openScene({ generated: tools })
    const first = await scene.extend(kaniko())
    const second = await scene.extend(kaniko())
    expect(second.digest).not.toBe(first.digest)
    expect(await readdir(join(scene.layers, 'extended/run'))).toEqual([second.digest])
    await mkdir(join(scene.layers, 'extended/run/other'))
    await expect(scene.extend(kaniko())).rejects.toMatchObject({
      exitCode: 1,
      message: `failed to extend run image: expected directory "${scene.layers}/extended/run" to have only 1 item; found 2`,
    })
    expect(await readdir(join(scene.layers, 'extended/run'))).toEqual(['other', second.digest])
  })

  test('has no layers where extensions only say something', async () => {
    await using scene = await openScene({
      generated: { labels: { 'run.Dockerfile': `${preamble}LABEL a=b io.buildpacks.rebasable=false\nRUN true\n` } },
    })
    await scene.extend(kaniko())
    const { manifest, config, layers } = await extendedOf(scene)
    expect(layers).toEqual([])
    expect(manifest.layers).toHaveLength(3)
    expect(config.config?.Labels).toEqual({ 'io.buildpacks.rebasable': 'false', own: 'x', a: 'b' })
  })

  test('is the image itself where no extension has a Dockerfile for it', async () => {
    await using scene = await openScene({ generated: { only: { 'build.Dockerfile': `${preamble}RUN true\n` } } })
    expect(await scene.extend(kaniko())).toMatchObject({ extensions: [], 'engine-version': '' })
    const { config, layers } = await extendedOf(scene)
    expect(layers).toEqual([])
    expect(config.config?.Labels).toEqual({ 'io.buildpacks.rebasable': 'true', own: 'x' })
  })

  test('lets extensions write to the app, which is in no layer', async () => {
    const write = `${preamble}USER root\nRUN echo written > /workspace/by-extension && cat /workspace/source.txt /layers/group.toml > /seen\nUSER 1000\n`
    await using scene = await openScene({ generated: { write: { 'run.Dockerfile': write } } })
    await scene.extend(kaniko())
    expect(await readFile(join(scene.app, 'by-extension'), 'utf8')).toBe('written\n')
    expect((await extendedOf(scene)).layers).toEqual([
      { seen: expect.stringMatching(/^file 644 0:0 source\n\[\[group\]\]/) },
    ])
  })

  test('lets extensions see nothing of Polyarch’s own, where the app is the workspace', async () => {
    const look = `${preamble}ARG app\nUSER root\nRUN (ls -a $app; find $app/.polyarch) > /seen 2>&1; true\nUSER 1000\n`
    await using scene = await openScene({ generated: { look: { 'run.Dockerfile': look } } })
    await writeFile(
      join(scene.layers, 'generated/look/extend-config.toml'),
      `[[run.args]]\nname = "app"\nvalue = "${scene.directory}"\n`,
    )
    await scene.extend({ ...kaniko(), app: '.' })
    const { layers } = await extendedOf(scene)
    expect(layers[0]?.['seen']).toContain('layers\n')
    expect(layers[0]?.['seen']?.replaceAll(scene.directory, '')).not.toMatch(/\.polyarch\/./)
  })

  test('is made of what analyzed.toml names, also where a Dockerfile switches to it', async () => {
    await using scene = await openScene({
      generated: {
        switch: {
          'run.Dockerfile': 'FROM registry.invalid/other:latest\nUSER root\nRUN cat /cnb/run > /seen\nUSER 1000\n',
        },
      },
    })
    await scene.extend(kaniko())
    expect((await extendedOf(scene)).layers).toEqual([{ seen: 'file 644 0:0 run\n' }])
  })

  test('can come from a registry that wants the lifecycle’s login', async () => {
    await using scene = await openScene({ generated: tools, login: true })
    await scene.extend(kaniko())
    expect((await extendedOf(scene)).layers).toHaveLength(2)
    expect(scene.told.join('\n')).not.toContain(scene.registry.login?.password)
  })

  test('can come from an image layout, by input or by its reference', async () => {
    await using scene = await openScene({ generated: tools })
    const [name, digest] = scene.base.split('@')
    await scene.registry.stop()
    await scene.extend({ ...kaniko(), 'image-layout': '.base' })
    expect((await extendedOf(scene)).layers).toHaveLength(2)
    const analyzed = join(scene.layers, 'analyzed.toml')
    await writeFile(analyzed, (await readFile(analyzed, 'utf8')).replaceAll(`${name}@`, `${scene.directory}/.base@`))
    const { digest: extended } = await scene.extend(kaniko())
    expect(await readdir(join(scene.layers, 'extended/run'))).toEqual([extended])
    expect(digest).toMatch(/^sha256:/)
  })
})

describe.skipIf(isLacking)('the image elsewhere', () => {
  test('is pushed by digest, and analyzed.toml names it from then on', async () => {
    await using scene = await openScene({ generated: tools, analyzed: '# a comment\n  unknown = [1,\n  2]\n' })
    const file = join(scene.layers, 'analyzed.toml')
    const before = await readFile(file, 'utf8')
    const repository = `${scene.registry.host}/extended`
    const inputs = { ...kaniko(), output: 'image', repository }
    const outputs = await scene.extend(inputs)
    expect(outputs).toMatchObject({ reference: `${repository}@${outputs.digest}`, layout: '' })
    const after = before
      .replace(`reference = "${scene.base}"`, `reference = "${outputs.reference}"`)
      .replace('extend = true', 'extend = false')
    expect(await readFile(file, 'utf8')).toBe(after)
    const { stdout } = await run(partPath('skopeo'), [
      'inspect',
      '--config',
      '--tls-verify=false',
      `docker://${outputs.reference}`,
    ])
    expect(JSON.parse(stdout)).toMatchObject({
      config: { User: '1000:1001', Labels: { 'io.buildpacks.rebasable': 'false' } },
    })
    expect(await readdir(scene.layers)).not.toContain('extended')
    expect((await scene.registry.requests()).filter((line) => / \/v2\/extended\/tags/.test(line))).toEqual([])

    const again = await scene.extend(inputs)
    expect(again).toMatchObject({ digest: outputs.digest, reference: outputs.reference, extensions: [] })
    expect(await readFile(file, 'utf8')).toBe(after)
  })

  test('is a build image for the next job', async () => {
    await using scene = await openScene({ generated: tools })
    const file = join(scene.layers, 'analyzed.toml')
    const before = await readFile(file, 'utf8')
    const { reference, extensions } = await scene.extend({
      ...kaniko(),
      kind: 'build',
      repository: `${scene.registry.host}/build`,
    })
    expect(extensions).toEqual(['reset'])
    expect(await readFile(file, 'utf8')).toBe(before)
    const { stdout } = await run(partPath('skopeo'), [
      'inspect',
      '--config',
      '--tls-verify=false',
      `docker://${reference}`,
    ])
    expect(JSON.parse(stdout)).toMatchObject({
      config: { User: '1000:1001' },
      history: [{}, {}, {}, { created_by: "Layer: 'RUN echo build > /tmp/built', Created by extension: reset" }],
    })
  })

  test.each(['run', 'build'])('is a whole layout of a %s image', async (kind) => {
    await using scene = await openScene({ generated: tools })
    const { layout, digest } = await scene.extend({ ...kaniko(), kind, layout: 'out' })
    expect(layout).toBe(join(scene.directory, 'out'))
    const [root] = await layoutRoots(layout)
    expect(root).toMatchObject({ digest, platform: { os: 'linux', architecture: 'amd64' } })
    await verifyLayout(layout, { mediaType: '', size: 0, ...root, digest: parseDigest(digest) })
    const { files } = await readImage({ layout, digest })
    expect(files[kind === 'run' ? 'reset' : 'tmp/built']).toBeDefined()
    expect(files['cnb/run']?.text).toBe('run\n')
  })
})

describe.skipIf(isLacking)('a leg of a plan', () => {
  const planFor = (platform: string): string => {
    const leg = { id: 'web', image: 'web', platform, engine: 'kaniko', runner: 'x', native: true } as const
    const extend = { kind: 'run', context: 'app', layers: 'layers' } as const
    const image = {
      id: 'web',
      repositories: ['localhost:5000/web'],
      tags: [],
      platforms: [platform],
      labels: {},
      annotations: {},
      build: null,
      extend,
      prebuilt: {},
      needs: [],
    }
    const content = {
      source: { repository: null, revision: null, created: null },
      images: [image],
      legs: [leg],
      skipped: [],
    }
    return JSON.stringify({ schema: 'polyarch.plan/v1', id: planId(content), ...content })
  }
  const inputs = (platform: string) => ({
    executor: partPath('kaniko-1.25.15'),
    plan: planFor(platform),
    leg: 'web',
    kind: undefined,
    layers: undefined,
    app: undefined,
  })

  test('leaves a whole layout of the extended image, as a leg that builds does', async () => {
    await using scene = await openScene({ generated: tools })
    const { layout, digest, platform, extensions } = await scene.extend(inputs('linux/amd64'))
    expect({ layout, platform, extensions }).toEqual({
      layout: join(scene.directory, '.polyarch/layouts/web'),
      platform: 'linux/amd64',
      extensions: ['acme/tools', 'reset'],
    })
    expect(await layoutRoots(layout)).toMatchObject([{ digest }])
  })

  test('takes no image for another platform', async () => {
    await using scene = await openScene({ generated: tools })
    await expect(scene.extend(inputs('linux/arm64'))).rejects.toMatchObject({
      exitCode: 7,
      message: expect.stringMatching(
        /^failed to extend run image: .* is for linux\/amd64: leg web is for linux\/arm64$/,
      ),
    })
  })
})

describe.skipIf(isLacking)('bad input ends as with the lifecycle, and leaves nothing', () => {
  const digestError = (reference: string) =>
    `failed to extend run image: getting run image to extend: failed to get digest for reference '${reference}': a digest must contain exactly one '@' separator (e.g. registry/repository@digest) saw: ${reference}`

  test.each<[string, Readonly<Record<string, string>>, number, string | RegExp]>([
    ['analyzed.toml without a run image', { 'analyzed.toml': '# nothing\n' }, 102, digestError('')],
    [
      'a tag instead of a digest',
      { 'analyzed.toml': '[run-image]\nreference = "localhost/run:latest"\n' },
      102,
      digestError('localhost/run:latest'),
    ],
    [
      'analyzed.toml that is no TOML',
      { 'analyzed.toml': '[run-image\n' },
      1,
      /^failed to initialize extender: failed to read analyzed file: /,
    ],
    [
      'group.toml that is no TOML',
      { 'group.toml': '[[' },
      1,
      /^failed to initialize extender: reading group: failed to read group file: /,
    ],
    [
      'an extension of an unknown API',
      { 'group.toml': '[[group-extensions]]\nid = "a"\nversion = "1"\napi = "0.99"\n' },
      12,
      "failed to set API for Extension 'a@1': buildpack API version '0.99' is incompatible with the lifecycle",
    ],
    [
      'two stages',
      { 'generated/reset/run.Dockerfile': `${preamble}FROM scratch\n` },
      92,
      /run\.Dockerfile is not permitted to use multistage build/,
    ],
    [
      'a reserved argument',
      { 'generated/reset/extend-config.toml': '[[run.args]]\nname = "user_id"\nvalue = "0"\n' },
      92,
      /invalid content: arg with name "user_id" is not allowed/,
    ],
    [
      'a final root',
      { 'generated/reset/run.Dockerfile': `${preamble}USER root\n` },
      102,
      'failed to extend run image: extending run image: the final user ID is 0 (root); please add another extension that resets the user to non-root',
    ],
    [
      'a RUN that fails',
      { 'generated/reset/run.Dockerfile': `${preamble}RUN exit 3\n` },
      102,
      /^failed to extend run image: extending run image: applying Dockerfile to image: /,
    ],
    [
      'a COPY of nothing',
      { 'generated/reset/run.Dockerfile': `${preamble}COPY absent /\n` },
      102,
      /^failed to extend run image: extending run image: applying Dockerfile to image: /,
    ],
    [
      'an unknown instruction',
      { 'generated/reset/run.Dockerfile': `${preamble}RNU x\n` },
      92,
      /RNU is not an instruction/,
    ],
  ])('%s', async (_, files, exitCode, message) => {
    await using scene = await openScene({ generated: tools })
    for (const [name, text] of Object.entries(files)) await writeFile(join(scene.layers, name), text)
    const expected = typeof message === 'string' ? message : expect.stringMatching(message)
    await expect(scene.extend(kaniko())).rejects.toMatchObject({ exitCode, message: expected })
    expect(await leftovers(scene)).toEqual([])
  })

  test('no analyzed.toml', async () => {
    await using scene = await openScene({ generated: tools })
    await expect(scene.extend({ ...kaniko(), analyzed: 'absent.toml' })).rejects.toMatchObject({
      exitCode: 102,
      message: digestError(''),
    })
    expect(scene.told).toContain(`warning: No analyzed metadata found at path "${scene.directory}/absent.toml"`)
  })

  test('an image that is not there', async () => {
    await using scene = await openScene({ generated: tools })
    const absent = `${scene.registry.host}/absent@sha256:${'0'.repeat(64)}`
    await writeFile(join(scene.layers, 'analyzed.toml'), `[run-image]\nreference = "${absent}"\n`)
    await expect(scene.extend(kaniko())).rejects.toMatchObject({
      exitCode: 102,
      message: expect.stringContaining('getting run image to extend: '),
    })
    expect(await leftovers(scene)).toEqual([])
  })
})

describe.skipIf(isLacking)('an unusual base', () => {
  const user1000 = { 'run.Dockerfile': `${preamble}COPY run.txt /run.txt\n`, 'context/run.txt': 'x\n' }

  test('with its top layer twice is told, and its layers are found by position', async () => {
    const twin = [{ name: 'twin', content: 'twin\n' }]
    await using scene = await openScene({ generated: { copy: user1000 }, base: { ...runImage, layers: [twin, twin] } })
    await scene.extend(kaniko())
    const { layers, manifest } = await extendedOf(scene)
    expect(manifest.layers).toHaveLength(4)
    expect(layers).toHaveLength(1)
    expect(scene.told).toContain(
      `warning: Original run image has duplicated top layer with digest: ${manifest.layers[1]?.digest}`,
    )
  })

  test('without history gets a blank one for its layers', async () => {
    await using scene = await openScene({ generated: { copy: user1000 } })
    await scene.changeBase((config) => ({ ...config, history: undefined }))
    await scene.extend(kaniko())
    const { config } = await extendedOf(scene)
    expect(config['history']).toEqual([
      {},
      {},
      {},
      { created: '0001-01-01T00:00:00Z', created_by: "Layer: 'COPY run.txt /run.txt', Created by extension: copy" },
    ])
  })

  test('without layers goes to the exporter with all of them', async () => {
    await using scene = await openScene({ generated: { copy: user1000 } })
    await scene.changeBase((config) => ({ ...config, history: [], rootfs: { type: 'layers', diff_ids: [] } }))
    await scene.extend(kaniko())
    const { layers, manifest } = await extendedOf(scene)
    expect(manifest.layers).toHaveLength(1)
    expect(layers).toHaveLength(1)
  })
})
