import type { Run } from '../figures.ts'
import { openGenerator, type Generator } from '../generator-process.ts'
import { measure, type Measuring } from '../measure.ts'
import type { Target } from '../target.ts'
import { echo } from './echo.ts'
import { idle } from './hold.ts'

const SHAPE = { devices: 50, open: 4 }
/** Those of the echo itself come first. */
const FIRST = 100
/** Connections of one generator process. */
const EACH = 2_500

/** Echo commands at targets that hold connections besides: the ratio is what a command costs more because of them. */
export async function crowded(
  idles: readonly number[],
  targets: readonly Target[],
  bytes: number,
  measuring: Measuring,
): Promise<Run> {
  const held: Generator[] = []
  try {
    for (const [i, target] of targets.entries()) {
      for (let from = 0; from < idles[i]!; from += EACH) {
        held.push(await openGenerator(target, idle(target, FIRST + from, Math.min(EACH, idles[i]! - from))))
      }
    }
    return await measure({ ...echo(SHAPE, bytes), name: 'crowded' }, targets, measuring)
  } finally {
    for (const generator of held) await generator.close()
  }
}
