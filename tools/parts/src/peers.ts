// The programs that Polyarch is measured against, and the servers that both are measured and tested on, by Go module.
import type { GoProgram } from './go-program.ts'

/** Each by an exact version: a figure in docs/benchmarks.md holds for these. */
export const peerPrograms = {
  crane: { module: 'github.com/google/go-containerregistry', version: 'v0.22.1', main: 'cmd/crane' },
  regctl: { module: 'github.com/regclient/regclient', version: 'v0.11.7', main: 'cmd/regctl' },
  oras: { module: 'oras.land/oras', version: 'v1.3.3', main: 'cmd/oras' },
  buildx: { module: 'github.com/docker/buildx', version: 'v0.37.2', main: 'cmd/buildx' },
  'manifest-tool': { module: 'github.com/estesp/manifest-tool/v2', version: 'v2.2.1', main: 'cmd/manifest-tool' },
  'distribution-3': { module: 'github.com/distribution/distribution/v3', version: 'v3.1.2', main: 'cmd/registry' },
  // The newest of which Go's proxy has the source: all of 2.x has a module path that it refuses.
  zot: {
    module: 'zotregistry.io/zot',
    version: 'v1.4.3',
    main: 'cmd/zot',
    replace: ['zotregistry.io/zot => github.com/project-zot/zot v1.4.3'],
    tags: 'minimal,containers_image_openpgp',
  },
} as const satisfies Record<string, GoProgram>

export type PeerName = keyof typeof peerPrograms

/** Their names, in the order in which they are prepared. */
export const peerNames = Object.keys(peerPrograms) as PeerName[]

/** The version of a peer, as its module has it. */
export const peerVersion = (name: PeerName): string => peerPrograms[name].version
