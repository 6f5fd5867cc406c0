// Stages whose FROM names another stage through variables, as `FROM base-${TARGETARCH}` does.
import type { Dockerfile, Stage } from './dockerfile.ts'
import { type BuildSettings, expandLeniently, globalScope } from './scope.ts'

/** The Dockerfile with every FROM that comes to the name of an earlier stage naming it plainly. */
export const nameBaseStages = (dockerfile: Dockerfile, settings: BuildSettings): Dockerfile => {
  const globals = globalScope(dockerfile, settings)
  const stages = dockerfile.stages.map((stage): Stage => {
    const [written = '', ...rest] = stage.from.words
    if (!written.includes('$')) return stage
    const { text } = expandLeniently(written, globals, dockerfile.escape)
    const isStage = dockerfile.stages.slice(0, stage.index).some(({ name }) => name === text.toLowerCase())
    return isStage ? { ...stage, from: { ...stage.from, words: [text, ...rest] } } : stage
  })
  return { ...dockerfile, stages }
}
