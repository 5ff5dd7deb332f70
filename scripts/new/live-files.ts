import type { Files, Made } from './kinds.ts'

export function liveFiles({ group, command, event }: Made): Files {
  return {
    [`${command}.ts`]: `import { z } from 'zod'
import { command, event } from '../../shared/runtime/command.ts'

/** Reaches only users who are connected now, at most once in 100 ms, and is kept in no inbox. */
export const ${event} = event('${event}', { text: z.string() }, { everyMs: 100 })

/**
 * Notifies all of the sender's devices. Say here of what. Before you notify others, check that they may hear it: contacts, and nobody who
 * blocks.
 */
export default command({
  input: z.object({ text: z.string().min(1).max(1000) }),
  events: { ${event} },
  replyTo: 'nobody',

  run: ({ text }, { from }) => ({ notify: [[from.user, ${event}({ text })]] }),
})
`,
    [`${command}.test.ts`]: `import { expect, test } from '@jest/globals'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob } = await stage('${group}')

test('tells the devices of its sender, and nobody else', async () => {
  await alice.calls('${command}', { text: 'hello' })
  alice.receives('${event}', { text: 'hello' })
  expect(bob.unread()).toEqual([])
})
`,
  }
}
