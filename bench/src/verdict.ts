// What the measurements of a row say: medians, ratios to the best peer, and whether the goals are reached.
import type { RowResult, Standing, Wire } from './contest.ts'
import { median } from './measure.ts'
import type { Goal } from './row.ts'
import { megabyte } from './workload.ts'

export interface Figures {
  readonly seconds: number
  readonly processorSeconds: number
  readonly peakBytes: number
  readonly wire: Wire | undefined
}

/** The medians of a tool's runs, and its largest memory; undefined for one without a right result. */
export const figuresOf = ({ costs, wire, failure }: Standing): Figures | undefined =>
  failure !== undefined || costs.length === 0
    ? undefined
    : {
        seconds: median(costs.map(({ seconds }) => seconds)),
        processorSeconds: median(costs.map(({ processorSeconds }) => processorSeconds)),
        peakBytes: Math.max(...costs.map(({ peakBytes }) => peakBytes)),
        wire,
      }

const isPeer = ({ contender }: Standing): boolean => !['polyarch', 'floor'].includes(contender.tool)

/** The median of the fastest peer, of all or of those with their defaults; undefined where no peer did the work. */
export const bestPeerSeconds = ({ standings }: RowResult, which: 'all' | 'defaults' = 'all'): number | undefined => {
  const medians = standings
    .filter((standing) => isPeer(standing) && (which === 'all' || !standing.contender.tuned))
    .flatMap((standing) => figuresOf(standing)?.seconds ?? [])
  return medians.length === 0 ? undefined : Math.min(...medians)
}

/** Polyarch's figures in a row. */
const polyarchFigures = ({ standings }: RowResult): Figures | undefined => {
  const own = standings.find(({ contender }) => contender.tool === 'polyarch')
  return own && figuresOf(own)
}

export interface GoalVerdict {
  readonly goal: string
  readonly measured: string
  readonly reached: boolean
}

const formatTimes = (times: number): string => `${times.toFixed(2)} x`

const judgeGoal = (goal: Goal, result: RowResult, own: Figures, nodeSeconds: number): GoalVerdict | undefined => {
  if ('atMostTimes' in goal) {
    const best = bestPeerSeconds(result, goal.of === 'the best peer' ? 'all' : 'defaults')
    if (best === undefined) return undefined
    const times = (own.seconds - nodeSeconds) / best
    const text = `at most ${formatTimes(goal.atMostTimes)} ${goal.of}`
    return { goal: text, measured: formatTimes(times), reached: times <= goal.atMostTimes }
  }
  const { requests, serialRequests } = own.wire ?? {}
  const measured = { requests: requests, 'serial requests': serialRequests, megabytes: own.peakBytes / megabyte }[
    goal.what
  ]
  if (measured === undefined) return undefined
  const unit = goal.what === 'megabytes' ? 'MB resident' : goal.what
  return {
    goal: `at most ${goal.atMost} ${unit}`,
    measured: `${Math.round(measured)}`,
    reached: measured <= goal.atMost,
  }
}

/** Each goal of the row that could be judged. */
export const judgeGoals = (result: RowResult, nodeSeconds: number): GoalVerdict[] => {
  const own = polyarchFigures(result)
  if (!own) return []
  return result.row.goals.flatMap((goal) => judgeGoal(goal, result, own, nodeSeconds) ?? [])
}
