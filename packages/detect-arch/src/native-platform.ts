// Which platforms' binaries a machine starts by itself, without an emulator.
import type { Machine } from './machine.ts'

/** Whether the machine runs the platform's binaries by itself: amd64 kernels start 386 binaries too. */
export const runsNatively = ({ platform, kernel }: Pick<Machine, 'platform' | 'kernel'>, wanted: string): boolean => {
  const [wantedOs, wantedArchitecture] = wanted.split('/')
  return [platform, kernel].some((own) => {
    const [ownOs, ownArchitecture, ownVariant] = own.split('/')
    if (own === wanted) return true
    if (ownOs !== wantedOs) return false
    if (wantedArchitecture === '386') return ownArchitecture === 'amd64'
    if (wantedArchitecture !== ownArchitecture) return false
    const [, , wantedVariant] = wanted.split('/')
    return wantedArchitecture !== 'arm' || (wantedVariant ?? 'v7') <= (ownVariant ?? 'v7')
  })
}
