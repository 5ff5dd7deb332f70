import { z } from 'zod'
import { command, event } from '../shared/runtime/command.ts'

const worked = event('worked', { text: z.string() })

/** A group whose one command, `do_work`, becomes a dead letter while `isBroken`. */
export const works = {
  isBroken: false,
  commands: new Map([
    [
      'do_work',
      command({
        input: z.object({ text: z.string() }),
        events: { worked },
        attempts: 1,
        run({ text }) {
          if (works.isBroken) throw new Error('broken')
          return { reply: worked({ text }) }
        },
      }),
    ],
  ]),
}
