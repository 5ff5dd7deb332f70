import { z } from 'zod'
import { faultOfCommand, faultOfEvent, faultOfGroup } from './reserved.ts'

/** What the broker knows of the declared handlers: the rights of a group's key, and how each command is run. */
export const catalogue = z.record(
  z.string(),
  z.object({
    commands: z.record(
      z.string(),
      z.object({
        /** The broker alone sends it, and for this. */
        internal: z.enum(['presence', 'later']).optional(),
        /** Who gets its reply, if not all of the sender's devices. */
        replyTo: z.enum(['client', 'nobody']).optional(),
        /** One user's commands one after another. */
        ordered: z.boolean(),
        /** Milliseconds a handler may take for one attempt. */
        timeoutMs: z.number().int().positive(),
        /** Attempts before the command is dead. */
        attempts: z.number().int().positive(),
        /** It is told which of its sender's clients are connected. */
        seesClients: z.boolean().optional(),
      }),
    ),
    events: z.array(z.string()),
    /** Of them, those for who is connected now: milliseconds between two to one user, and of what only the latest counts. */
    live: z
      .record(z.string(), z.object({ everyMs: z.number().int().min(0), latest: z.string().optional() }))
      .optional(),
    /** Of them, those that anybody can cause to anybody: what is kept of them goes first. */
    fromStrangers: z.array(z.string()).optional(),
  }),
)
/** Group name to its declarations. */
export type Catalogue = z.output<typeof catalogue>

/** @throws {Error} when something is declared under a name that is the broker's own */
export function checkCatalogue(catalogue: Catalogue): void {
  for (const [group, { commands, events }] of Object.entries(catalogue)) {
    const faults = [faultOfGroup(group), ...Object.keys(commands).map(faultOfCommand), ...events.map(faultOfEvent)]
    const fault = faults.find((one) => one !== undefined)
    if (fault !== undefined) throw new Error(`the group ${group} cannot be served: ${fault}`)
  }
}
