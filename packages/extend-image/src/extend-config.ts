// extend-config.toml: the build arguments that an extension brings.
import { z } from 'zod'
import type { ExtendKind } from './analyzed.ts'
import { lifecycleFailure } from './lifecycle-failure.ts'
import { parseToml } from './toml.ts'

const arg = z.object({ name: z.string().default(''), value: z.string().default('') })
const part = z.object({ args: z.array(arg).default([]) }).prefault({})

const ExtendConfig = z.object({ build: part, run: part })

/** One build argument. */
export type ExtensionArg = Readonly<z.output<typeof arg>>

/** The arguments that only the lifecycle gives. */
const reservedNames = ['build_id', 'user_id', 'group_id']

/**
 * The extension's arguments for images of the kind; those of the other kind are checked too.
 * @throws {Failure} with the lifecycle's code 92, for a reserved name; input, where it is no TOML.
 */
export const parseExtendConfig = (text: string, kind: ExtendKind, path: string): readonly ExtensionArg[] => {
  const config = parseToml(ExtendConfig, text, path)
  for (const { name } of [...config.build.args, ...config.run.args])
    if (reservedNames.includes(name))
      throw lifecycleFailure(
        'generate',
        `validating extend config: invalid content: arg with name "${name}" is not allowed (${path})`,
      )
  return config[kind].args
}
