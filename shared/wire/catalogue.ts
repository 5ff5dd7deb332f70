import { z } from 'zod'
import { faultOfCommand, faultOfEvent, faultOfGroup } from './reserved.ts'

/** What the broker knows about the declared handlers: the rights of each group's key, and how each command is run. */
export const catalogue = z.record(
  z.string(),
  z.object({
    commands: z.record(
      z.string(),
      z.object({
        /** Only the broker sends it, and when. */
        internal: z.enum(['presence', 'later', 'push']).optional(),
        /** The setting without which the broker does not send it. */
        needs: z.string().optional(),
        /** Who gets the reply, if not all of the sender's devices. */
        replyTo: z.enum(['client', 'nobody']).optional(),
        /** Whether one user's commands run one after another. */
        ordered: z.boolean(),
        /** The time limit of one attempt, in milliseconds. */
        timeoutMs: z.number().int().positive(),
        /** Attempts before the command goes to the dead letters. */
        attempts: z.number().int().positive(),
        /** Whether deliveries list the sender's connected clients. */
        seesClients: z.boolean().optional(),
      }),
    ),
    events: z.array(z.string()),
    /** The live events among them: the pace in milliseconds, and the kind of state of which only the latest counts. */
    live: z
      .record(z.string(), z.object({ everyMs: z.number().int().min(0), latest: z.string().optional() }))
      .optional(),
    /** The events among them that anyone can cause to anyone: these are dropped first when room runs out. */
    fromStrangers: z.array(z.string()).optional(),
    /** The events among them that wake a device, and the fields that are handed on then. */
    wakes: z.record(z.string(), z.array(z.string())).optional(),
  }),
)
/** By group name. */
export type Catalogue = z.output<typeof catalogue>

/** @throws {Error} when something is declared under a reserved name */
export function checkCatalogue(catalogue: Catalogue): void {
  for (const [group, { commands, events }] of Object.entries(catalogue)) {
    const faults = [faultOfGroup(group), ...Object.keys(commands).map(faultOfCommand), ...events.map(faultOfEvent)]
    const fault = faults.find((one) => one !== undefined)
    if (fault !== undefined) throw new Error(`the group ${group} cannot be served: ${fault}`)
  }
}
