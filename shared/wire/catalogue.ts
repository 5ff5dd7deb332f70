import { z } from 'zod'

/** What the broker knows of the declared handlers: the rights of a group's key, and how each command is run. */
export const catalogue = z.record(
  z.string(),
  z.object({
    commands: z.record(
      z.string(),
      z.object({
        /** The broker alone sends it, and for this. */
        internal: z.enum(['presence', 'later']).optional(),
        /** One user's commands one after another. */
        ordered: z.boolean(),
        /** Milliseconds a handler may take for one attempt. */
        timeoutMs: z.number().int().positive(),
        /** Attempts before the command is dead. */
        attempts: z.number().int().positive(),
      }),
    ),
    events: z.array(z.string()),
    /** Of them, those for who is connected now: milliseconds between two to one user. */
    live: z.record(z.string(), z.number().int().min(0)).optional(),
  }),
)
/** Group name to its declarations. */
export type Catalogue = z.output<typeof catalogue>
