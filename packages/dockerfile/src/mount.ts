// The --mount flags of RUN.
import type { Instruction } from './instruction.ts'

export interface Mount {
  readonly type: string
  /** The stage or image whose files are mounted; undefined for the context. */
  readonly from: string | undefined
  readonly required: boolean
  /** Of secrets and ssh agents. */
  readonly id: string | undefined
  readonly line: number
}

/** Fields of a flag's value: separated by commas, quoted as in CSV. */
const splitFields = (value: string): string[] =>
  [...value.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) =>
    quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'),
  )

/** The mounts of a RUN, in order. */
export const parseMounts = ({ flags }: Instruction): Mount[] =>
  flags
    .filter(({ name }) => name === 'mount')
    .map(({ value, line }) => {
      const fields = new Map(
        splitFields(value ?? '').map((field): [string, string] => {
          const equals = field.indexOf('=')
          return equals === -1
            ? [field.trim().toLowerCase(), 'true']
            : [field.slice(0, equals).trim().toLowerCase(), field.slice(equals + 1)]
        }),
      )
      return {
        type: fields.get('type') ?? 'bind',
        from: fields.get('from'),
        required: /^(?:true|1)$/i.test(fields.get('required') ?? ''),
        id: fields.get('id') ?? fields.get('source') ?? fields.get('src'),
        line,
      }
    })
