// Which RUN instructions the executor runs, how long they take, and which it takes from the cache repository.
import { createInstructionWatch, type InstructionTimes } from '@polyarch/engine'

export interface InstructionReader {
  readonly times: InstructionTimes
  /** Takes a message of the executor's own. */
  add(message: string): void
}

/** Said of an instruction whose layer is in the cache repository, before the first one of its stage is run. */
const cacheHit = /^Using caching version of cmd: (.*)$/s

const stageBegin = /^Building stage /

/** Said when a layer of a RUN is whole; maybe only while the next instruction runs already. */
const layerPushed = /^Pushing layer \S+ to cache now$/

/** An instruction's own text, said when its turn comes, and when its layer is taken from the cache repository too. */
const instruction = /^[A-Z]{3,} \S/

/** Reads the executor's messages; `now` is the time in seconds. */
export const createInstructionReader = (now?: () => number): InstructionReader => {
  const watch = createInstructionWatch(now)
  /** Those of this stage. */
  const hits = new Set<string>()
  /** How many instructions have ended whose layers are not yet said to be pushed. */
  let unpushed = 0
  return {
    times: watch.times,
    add: (message) => {
      const [, hit] = cacheHit.exec(message) ?? []
      if (hit !== undefined) {
        hits.add(hit)
        watch.cached(hit)
      } else if (stageBegin.test(message)) {
        hits.clear()
        unpushed = 0
        watch.forget()
      } else if (layerPushed.test(message)) {
        if (unpushed > 0) unpushed -= 1
        else watch.end()
      } else if (instruction.test(message)) {
        if (watch.end()) unpushed += 1
        if (message.startsWith('RUN ') && !hits.has(message)) watch.begin(message)
      }
    },
  }
}
