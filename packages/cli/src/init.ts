// polyarch init: a first polyarch.yaml from the Dockerfiles that there are.
import { defineStep } from '@polyarch/ci-host'
import { writeFirstConfig } from '@polyarch/detect-arch'
import { inputs, outputs, writeConfig } from './config-file.ts'

/** Writes a first polyarch.yaml, and replaces none. */
export const step = defineStep({
  name: 'init',
  title: 'Polyarch: init',
  description: 'Writes a first polyarch.yaml from the Dockerfiles that the directory has.',
  inputs,
  outputs,
  run: async (values, host) => await writeConfig(values, await writeFirstConfig(host), host),
})
