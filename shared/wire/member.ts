import { z } from 'zod'
import { isWord } from './topic.ts'

/** The control topic on which a handler process tells whether it can begin new deliveries: see `busy`. */
export const BUSY_TOPIC = '$busy'

/** One delivery, named as in `$done`: by the command and the attempt. */
const delivery = z.strictObject({ command: z.string(), attempt: z.number().int().min(1) })
export type Delivery = z.output<typeof delivery>
/** Processes of older versions name only the command. */
const named = z.union([
  delivery,
  z.string().transform((command): { command: string; attempt?: number } => ({ command })),
])

/** The process computes past the time limit of this command; without a name, past the limits of all its commands. */
const stuck = z.strictObject({
  command: z.string().refine(isWord, 'is not a command name').optional(),
  over_ms: z.number().int().min(0),
})
export type ToldStuck = z.output<typeof stuck>

/**
 * The body of `$busy`. While a process is `busy`, commands go to another member, or wait when there is none. Deliveries in `back` are
 * given back as if they had never been sent: their attempts do not count. A `stuck` process counts as absent.
 */
export const busy = z.strictObject({
  busy: z.boolean(),
  back: z.array(named).max(100_000),
  stuck: stuck.optional(),
})
export type Busy = z.output<typeof busy>

/** Splits deliveries into lists that each fit into a packet of `maxPacket` bytes, with room to spare; at least one list. */
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
 * CONNECT user property with which a handler says `true`: it ends commands that overrun their time limit, as `timeout`, counted from
 * when they begin. The broker then does not time them.
 */
export const KEEPS_TIME = 'keeps-time'

/** Milliseconds that a handler may overrun its time limit before its delivery is given up. */
export const GRACE = 2_000
