// What a row's section says: medians, ratios to the best peer, and whether a goal is reached.
import { expect, test } from 'vitest'
import type { Contender } from './contender.ts'
import type { RowResult, Standing } from './contest.ts'
import { formatRow } from './table.ts'

const contender = (name: string, tool: string, tuned = false): Contender => ({ name, tool, tuned, missing: undefined })

const standing = (of: Contender, seconds: readonly number[], failure?: string): Standing => ({
  contender: of,
  costs: seconds.map((each) => ({ seconds: each, processorSeconds: each / 2, peakBytes: 20e6 + each * 1e6 })),
  wire: { requests: 4, serialRequests: 3, connections: 2 },
  failure,
})

const result = (goals: RowResult['row']['goals'], standings: readonly Standing[]): RowResult => ({
  row: {
    id: 'row',
    title: 'a row',
    roundTripMs: 20,
    work: { kind: 'push', shape: { layers: 1, layerBytes: 1 }, before: 'nothing' },
    goals,
  },
  standings,
})

test('a row shows medians, ratios, goals and who failed; a floor is no peer', () => {
  const goals = [
    { atMostTimes: 1.3, of: 'the best peer' },
    { atMostTimes: 0.2, of: 'the best peer with its defaults' },
    { atMost: 3, what: 'requests' },
    { atMost: 130, what: 'megabytes' },
  ] as const
  const standings = [
    standing(contender('Polyarch', 'polyarch'), [0.9, 0.5, 0.6]),
    standing(contender('crane', 'crane'), [4, 5, 6]),
    standing(contender('oras, tuned', 'oras', true), [0.5, 0.5, 0.4]),
    standing(contender('regctl', 'regctl'), [], 'ended with 1: no'),
    standing(contender('a bare loop', 'floor', true), [0.25]),
  ]
  expect(formatRow(result(goals, standings), 0.1)).toMatchInlineSnapshot(`
    "### a row

    | tool                        | seconds | x best peer | CPU s | requests | serial | connections | peak MB |
    | --------------------------- | ------: | ----------: | ----: | -------: | -----: | ----------: | ------: |
    | Polyarch                    |   0.600 |        1.20 | 0.300 |        4 |      3 |           2 |      21 |
    | Polyarch, less Node's start |   0.500 |        1.00 |       |          |        |             |         |
    | crane                       |   5.000 |       10.00 | 2.500 |        4 |      3 |           2 |      26 |
    | oras, tuned                 |   0.500 |        1.00 | 0.250 |        4 |      3 |           2 |      21 |
    | regctl                      |  failed |           – |     – |        – |      – |           – |       – |
    | a bare loop                 |   0.250 |        0.50 | 0.125 |        4 |      3 |           2 |      20 |

    - reached: at most 1.30 x the best peer (1.00 x)
    - reached: at most 0.20 x the best peer with its defaults (0.10 x)
    - **missed**: at most 3 requests (4)
    - reached: at most 130 MB resident (21)
    - regctl failed: ended with 1: no"
  `)
})

test('without Polyarch there is nothing to reach', () => {
  const standings = [standing(contender('crane', 'crane'), [4])]
  expect(formatRow(result([{ atMost: 3, what: 'requests' }], standings), 0.1)).not.toContain('reached')
})
