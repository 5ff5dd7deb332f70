import type { Files, Made } from './kinds.ts'

export function liveFiles({ group, command, event }: Made): Files {
  return {
    [`${command}.ts`]: `import { z } from 'zod'
import { command, event, userId } from '../../shared/runtime/command.ts'

/** For who is connected now: at most one in 100 ms reaches a user, and nobody finds it in their inbox. */
export const ${event} = event('${event}', { user_id: userId }, { everyMs: 100 })

/** Tells another user about its sender, as long as it matters. Say here what it tells them. */
export default command({
  input: z.object({ to: userId }),
  events: { ${event} },
  replyTo: 'nobody',

  run: ({ to }, { from }) => ({ notify: [[to, ${event}({ user_id: from.user })]] }),
})
`,
    [`${command}.test.ts`]: `import { expect, test } from '@jest/globals'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob, carl } = await stage('${group}')

test('tells the one it is for, and nobody else', async () => {
  await alice.calls('${command}', { to: bob.user })
  bob.receives('${event}', { user_id: alice.user })
  expect(carl.unread()).toEqual([])
})
`,
  }
}
