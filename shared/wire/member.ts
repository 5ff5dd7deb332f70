import { z } from 'zod'
import { isWord } from './topic.ts'

/** The control topic on which a handler process says whether it begins what it gets: see `busy`. */
export const BUSY_TOPIC = '$busy'

/** One delivery, named like in `$done`: an attempt that has failed meanwhile, or was lost, is not meant. */
const delivery = z.strictObject({ command: z.string(), attempt: z.number().int().min(1) })
export type Delivery = z.output<typeof delivery>
/** A process of an older version names the command alone. */
const named = z.union([
  delivery,
  z.string().transform((command): { command: string; attempt?: number } => ({ command })),
])

/** It computes past the time limit of that command, for so long now; without a name, for longer than any of its commands may. */
const stuck = z.strictObject({
  command: z.string().refine(isWord, 'is no command name').optional(),
  over_ms: z.number().int().min(0),
})
export type ToldStuck = z.output<typeof stuck>

/**
 * The body of `$busy`. While a process is `busy`, a command goes to another if there is one, and else waits for it. Those named in
 * `back` are given back as if they had never been sent: their attempts do not count. One that is `stuck` counts as not there.
 */
export const busy = z.strictObject({
  busy: z.boolean(),
  back: z.array(named).max(100_000),
  stuck: stuck.optional(),
})
export type Busy = z.output<typeof busy>

/** Splits deliveries into lists that each fit into a packet of so many bytes, with room to spare; at least one list. */
export function inPackets(deliveries: readonly Delivery[], maxPacket = Infinity): Delivery[][] {
  let list: Delivery[] = []
  const lists = [list]
  let bytes = 0
  for (const { command, attempt } of deliveries) {
    const size = Buffer.byteLength(JSON.stringify({ command, attempt })) + 1
    if (list.length > 0 && bytes + size > maxPacket / 2) {
      lists.push((list = []))
      bytes = 0
    }
    list.push({ command, attempt })
    bytes += size
  }
  return lists
}

/**
 * CONNECT user property by which a handler says `true`: it ends by itself, as a `timeout`, what overruns its time limit, counted
 * from when it begins. The broker then keeps no time for it.
 */
export const KEEPS_TIME = 'keeps-time'

/** Milliseconds by which a handler may overrun its own time limit before it is given up. */
export const GRACE = 2_000
