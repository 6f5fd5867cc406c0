// npm run fix: formats, sorts imports and applies the safe fixes.
import { runCommand } from './command.ts'

for (const command of [
  ['oxlint', '--type-aware', '--fix'],
  ['biome', 'check', '--write', '.'],
]) {
  const { code } = await runCommand(command, { show: true })
  if (code !== 0) process.exitCode = code
}
