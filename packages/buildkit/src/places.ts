// Where BuildKit finds and leaves things: names below the work directory, in which its programs are started.
import { workPlaces } from '@polyarch/engine'

export const places = { ...workPlaces, state: 'state', config: 'buildkitd.toml', devices: 'cdi' } as const

/**
 * The socket of the step's own buildkitd. A socket's path has room for 107 bytes only (unix(7)), and a workspace's can
 * be longer: so each program finds the socket in the directory that it was started in.
 */
export const ownAddress = 'unix:///proc/self/cwd/buildkitd.sock'
