// polyarch migrate: build-config.yaml files to one polyarch.yaml.
import { defineStep } from '@polyarch/ci-host'
import { migrateConfigs } from '@polyarch/detect-arch'
import { inputs, outputs, writeConfig } from './config-file.ts'

/** Writes the polyarch.yaml that gives the same plan as the build-config.yaml files. */
export const step = defineStep({
  name: 'migrate',
  title: 'Polyarch: migrate',
  description: 'Turns the build-config.yaml files of the directory into one polyarch.yaml that gives the same plan.',
  inputs,
  outputs,
  run: async (values, host) => await writeConfig(values, await migrateConfigs(host), host),
})
