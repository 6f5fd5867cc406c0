// Lets this machine run arm64 programs: natively, or through QEMU registered with the kernel.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { runProgram } from './program.ts'

const mountPoint = '/proc/sys/fs/binfmt_misc'

const isRegistered = async (): Promise<boolean> => {
  const entry = `${mountPoint}/qemu-aarch64`
  return existsSync(entry) && (await readFile(entry, 'utf8')).startsWith('enabled')
}

/** Registers QEMU for arm64 where this process may; the reason why arm64 programs do not run, otherwise. */
export const prepareArm64 = async (): Promise<string | undefined> => {
  if (process.arch === 'arm64' || (await isRegistered())) return undefined
  if (process.getuid?.() !== 0)
    return 'no arm64 emulator is registered: as root, apt-get install qemu-user-static binfmt-support'
  try {
    if (!existsSync(`${mountPoint}/register`))
      await runProgram('mount', ['-t', 'binfmt_misc', 'binfmt_misc', mountPoint])
    await runProgram('update-binfmts', ['--enable', 'qemu-aarch64'])
  } catch (error) {
    return (error as Error).message
  }
  return (await isRegistered()) ? undefined : 'the kernel did not take the registration of qemu-aarch64'
}
