import type { Run } from '../figures.ts'
import { measure, progress } from '../measure.ts'
import type { Target } from '../target.ts'
import { echo } from './echo.ts'

const [SECONDS, BYTES] = [60, 64]
const SHAPE = { devices: 50, open: 4 }
const WATCHED = ['brokerMicros', 'megabytes', 'p99'] as const

/** Echo commands for minutes at one target: a round is a minute, and what grows from minute to minute is told. */
export async function soak(minutes: number, target: Target, warmUp: number): Promise<Run> {
  const run = await measure({ ...echo(SHAPE, BYTES), name: 'soak' }, [target], {
    rounds: minutes,
    seconds: SECONDS,
    warmUp,
  })
  for (const name of WATCHED) {
    const values = run.rounds.map(([figures]) => figures![name])
    progress(`soak: ${name} by minute: ${values.map((value) => value?.toFixed(1) ?? '–').join(' ')}`)
  }
  return run
}
