// What one source file says of itself: its opening comment, what it imports and what it takes from `process`.
import { readFileSync } from 'node:fs'
import { parseSync, Visitor } from 'oxc-parser'

export interface SourceFile {
  readonly path: string
  /** Whether the first line (behind a `#!`) is a comment. */
  readonly opensWithComment: boolean
  /** The specifiers of every import, re-export, dynamic import and import type. */
  readonly imports: readonly string[]
  /** Those of them that are there when the program runs: types are gone by then. */
  readonly runtimeImports: readonly string[]
  /** Specifiers of dynamic imports that are no literal: nobody can check where they lead. */
  readonly computedImports: number
  /** The members of `process` that it uses. */
  readonly processMembers: readonly string[]
}

type Source = { readonly type: string; readonly value?: unknown } | null

const requestOf = (source: Source): string | undefined =>
  source?.type === 'Literal' && typeof source.value === 'string' ? source.value : undefined

/** Reads and parses a TypeScript file. */
export const readSourceFile = (path: string): SourceFile => {
  const text = readFileSync(path, 'utf8')
  const { program, errors } = parseSync(path, text)
  if (errors[0]) throw new Error(`${path}: ${errors[0].message}`)
  const imports = new Set<string>()
  const runtimeImports = new Set<string>()
  const processMembers = new Set<string>()
  let computedImports = 0
  const addImport = (source: Source, typesOnly: boolean): void => {
    const request = requestOf(source)
    if (request === undefined) return
    imports.add(request)
    if (!typesOnly) runtimeImports.add(request)
  }
  new Visitor({
    ImportDeclaration: ({ source, importKind }) => addImport(source, importKind === 'type'),
    ExportAllDeclaration: ({ source, exportKind }) => addImport(source, exportKind === 'type'),
    ExportNamedDeclaration: ({ source, exportKind }) => addImport(source, exportKind === 'type'),
    TSImportType: ({ source }) => addImport(source, true),
    ImportExpression: ({ source }) => {
      addImport(source, false)
      if (requestOf(source) === undefined) computedImports += 1
    },
    MemberExpression: ({ object, property }) => {
      if (object.type !== 'Identifier' || object.name !== 'process') return
      processMembers.add(property.type === 'Identifier' ? property.name : (requestOf(property) ?? '[computed]'))
    },
  }).visit(program)
  const [first = '', second = ''] = text.split('\n')
  return {
    path,
    opensWithComment: /^\/(?:\/ (?!biome-ignore)|\*)/.test(first.startsWith('#!') ? second : first),
    imports: [...imports],
    runtimeImports: [...runtimeImports],
    computedImports,
    processMembers: [...processMembers],
  }
}
