// Applies one Dockerfile with the engine that the plan names.

import { buildWithBuildah } from '@polyarch/buildah'
import { buildWithBuildkit } from '@polyarch/buildkit'
import type { Host } from '@polyarch/ci-host'
import type { BuildRequest, EngineResult } from '@polyarch/engine'
import { buildWithKaniko } from '@polyarch/kaniko'
import type { Stores } from '@polyarch/stores'
import type { Inputs } from './inputs.ts'
import type { EngineName } from './plan.ts'

/** The directories that engines make where an image has none, besides what they mount. */
export const engineStubs: Readonly<Record<EngineName, readonly string[]>> = {
  kaniko: [],
  buildah: ['run', 'etc'],
  buildkit: [],
}

/** Builds the request; what attests to an image that is taken apart again would hold for nothing. */
export const buildWith = (
  engine: EngineName,
  request: BuildRequest,
  inputs: Inputs,
  host: Host,
  stores: Stores,
): Promise<EngineResult> => {
  switch (engine) {
    case 'kaniko':
      return buildWithKaniko(request, inputs, host, stores)
    case 'buildah':
      return buildWithBuildah(request, inputs, host, stores)
    case 'buildkit':
      return buildWithBuildkit(request, { ...inputs, provenance: 'off', sbom: false }, host, stores)
  }
}
