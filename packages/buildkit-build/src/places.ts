// Where BuildKit finds and leaves things: names below the work directory, in which its programs are started.

/** Relative, so that no character of the workspace's path can mean something in a flag. */
export const places = {
  state: 'state',
  run: 'run',
  temporary: 'tmp',
  config: 'buildkitd.toml',
  staging: 'staging',
} as const

/** What stageBuild() writes below the staging directory. */
export const staged = {
  dockerfile: `${places.staging}/Dockerfile`,
  docker: `${places.staging}/docker`,
  secrets: `${places.staging}/secrets`,
  certificates: `${places.staging}/certificates`,
} as const

/**
 * The socket of the step's own buildkitd. A socket's path has room for 107 bytes only (unix(7)), and a workspace's can
 * be longer: so each program finds the socket in the directory that it was started in.
 */
export const ownAddress = 'unix:///proc/self/cwd/buildkitd.sock'
