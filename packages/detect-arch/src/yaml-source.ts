// A YAML file as a plain value, with the place of every key and value kept.
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument, type YAMLMap } from 'yaml'
import type { Place, Problem } from './problem.ts'

/** The largest YAML file that is read, in characters. */
const yamlSizeLimit = 4 * 1024 * 1024

/** How often aliases may repeat what they stand for before the file counts as an attack. */
const aliasLimit = 1000

export type YamlPath = readonly PropertyKey[]

export interface YamlSource {
  readonly file: string
  readonly value: unknown
  /** What is wrong with the file as YAML, before anyone asks what it means. */
  readonly problems: readonly Problem[]
  /** The place of the value at the path, or of the nearest thing around it. */
  readonly placeOf: (path: YamlPath) => Place
  /** The place of the last key of the path. */
  readonly placeOfKey: (path: YamlPath) => Place
  /** The value as it is written in the file, where it is a plain one: `1.10`, not the number 1.1. */
  readonly textOf: (path: YamlPath) => string | undefined
}

interface Found {
  readonly key?: Node
  readonly value?: Node
}

const isMergeKey = (pair: Pair): boolean => isScalar(pair.key) && pair.key.source === '<<'

export const readYaml = (text: string, file: string): YamlSource => {
  const lineCounter = new LineCounter()
  const problems: Problem[] = []
  const placeAt = (offset: number): Place => {
    const { line, col } = lineCounter.linePos(offset)
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const startOf = (node: Node | undefined): number => node?.range?.[0] ?? 0
  const empty = (problem: Problem): YamlSource => ({
    file,
    value: undefined,
    problems: [problem],
    placeOf: () => problem.place,
    placeOfKey: () => problem.place,
    textOf: () => undefined,
  })
  if (text.length > yamlSizeLimit)
    return empty({ place: { file, line: 1, column: 1 }, message: `larger than ${yamlSizeLimit} characters` })

  const parse = () => parseDocument(text, { lineCounter, merge: true, prettyErrors: false, version: '1.2' })
  let document: ReturnType<typeof parse>
  try {
    document = parse()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return empty({ place: { file, line: 1, column: 1 }, message: 'nested too deeply to be read' })
  }
  for (const error of document.errors)
    problems.push({
      place: placeAt(error.pos[0]),
      message:
        error.code === 'DUPLICATE_KEY'
          ? 'this key is given twice: keep one of them'
          : `not valid YAML: ${error.message.replaceAll(/\s+/g, ' ')}`,
    })

  const resolve = (node: unknown): Node | undefined => {
    if (isAlias(node)) return node.resolve(document)
    return node as Node | undefined
  }
  const findInMap = (map: YAMLMap, name: string): Found | undefined => {
    const own = map.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === name)
    if (own) return { key: own.key as Node, value: own.value as Node }
    for (const pair of map.items.filter(isMergeKey)) {
      const merged = resolve(pair.value)
      for (const source of isSeq(merged) ? merged.items.map(resolve) : [merged]) {
        const found = isMap(source) ? findInMap(source, name) : undefined
        if (found) return found
      }
    }
    return undefined
  }
  const find = (path: YamlPath): Found => {
    let found: Found = { value: document.contents as Node }
    for (const part of path) {
      const node = resolve(found.value)
      const next: Found | undefined = isMap(node)
        ? findInMap(node, String(part))
        : isSeq(node)
          ? { value: node.items[Number(part)] as Node }
          : undefined
      if (!next) return found
      found = { ...(next.key || !found.key ? {} : { key: found.key }), ...next }
    }
    return found
  }

  // `__proto__` means an object's prototype to JavaScript: no key of ours is called that, so nobody loses anything.
  const refuseKeys = (node: unknown): void => {
    if (isSeq(node)) for (const item of node.items) refuseKeys(item)
    if (!isMap(node)) return
    for (const pair of node.items) {
      if (isScalar(pair.key) && pair.key.value === '__proto__')
        problems.push({ place: placeAt(startOf(pair.key)), message: 'a key cannot be called __proto__' })
      else if (!isScalar(pair.key) && pair.key !== null)
        problems.push({ place: placeAt(startOf(pair.key as Node)), message: 'a key has to be plain text' })
      refuseKeys(pair.value)
    }
  }
  refuseKeys(document.contents)

  let value: unknown
  // A key given twice leaves a value whose other problems can be told in the same go.
  if (document.errors.every((error) => error.code === 'DUPLICATE_KEY')) {
    try {
      value = document.toJS({ maxAliasCount: aliasLimit })
    } catch (error) {
      // yaml throws ReferenceError for too many aliases and for an alias without an anchor.
      if (!(error instanceof ReferenceError || error instanceof RangeError)) throw error
      problems.push({ place: { file, line: 1, column: 1 }, message: `aliases: ${error.message}` })
    }
  }
  return {
    file,
    value,
    problems,
    placeOf: (path) => {
      const { key, value: node } = find(path)
      return placeAt(startOf(node ?? key))
    },
    placeOfKey: (path) => {
      const { key, value: node } = find(path)
      return placeAt(startOf(key ?? node))
    },
    textOf: (path) => {
      const node = resolve(find(path).value)
      return isScalar(node) ? node.source : undefined
    },
  }
}
