import type { Files, Made } from './kinds.ts'

export function laterFiles({ group, command, event }: Made): Files {
  const file = `${command.replaceAll('_', '-')}-later.ts`
  return {
    [`${command}.ts`]: `import { ${command} } from './${file}'
import { command, event } from '../../shared/runtime/command.ts'

export const ${event} = event('${event}', ${command}.input.shape)

/** Notifies the user whose command put this off. Say here what is due. */
export default command({
  input: ${command}.input,
  internal: 'later',
  events: { ${event} },

  run: ({ text }, { from }) => ({ notify: [[from.user, ${event}({ text })]] }),
})
`,
    [file]: `import { z } from 'zod'
import { later } from '../../shared/runtime/command.ts'

/**
 * A command that puts this off declares \`later: { ${command} }\`, and returns for example
 * \`{ reply: …, later: [[60_000, ${command}({ text })]] }\`: a minute later the broker sends it in the caller's name.
 */
export const ${command} = later('${command}', { text: z.string() })
`,
    [`${command}.test.ts`]: `import { expect, test } from '@jest/globals'
import { stage } from '../../test/handlers/stage.ts'

const { alice, bob, clock } = await stage('${group}')

test('tells the user whose command put it off, when it is due', async () => {
  await clock.fires(alice, '${command}', { text: 'hello' })
  alice.receives('${event}', { text: 'hello' })
  expect(bob.unread()).toEqual([])
})

test('no device can send it', async () => {
  expect(await bob.calls('${command}' as never, { text: 'hello' } as never)).toBeRefused('unknown_command')
})
`,
  }
}
