import { z } from 'zod'

/** The control topic on which a handler process says whether it begins what it gets: see `busy`. */
export const BUSY_TOPIC = '$busy'

/**
 * The body of `$busy`. While a process is `busy`, a command goes to another if there is one, and else waits for it. Those named in
 * `back` are given back as if they had never been sent: their attempts do not count.
 */
export const busy = z.strictObject({ busy: z.boolean(), back: z.array(z.string()).max(100_000) })
export type Busy = z.output<typeof busy>

/**
 * CONNECT user property by which a handler says `true`: it ends by itself, as a `timeout`, what overruns its time limit, counted
 * from when it begins. The broker then keeps no time for it.
 */
export const KEEPS_TIME = 'keeps-time'

/** Milliseconds by which a handler may overrun its own time limit before it is given up. */
export const GRACE = 2_000
