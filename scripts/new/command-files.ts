import type { Files, Made } from './kinds.ts'

export function commandFiles({ group, command, event }: Made): Files {
  return {
    [`${command}.ts`]: `import { z } from 'zod'
import { command, event } from '../../shared/runtime/command.ts'

export const ${event} = event('${event}', { text: z.string() })

/** Answers with the text it received. Say here what the command does for its sender. */
export default command({
  input: z.object({ text: z.string().min(1).max(1000) }),
  events: { ${event} },

  async run({ text }, { from, log }) {
    log.debug({ user: from.user }, 'running')
    return { reply: ${event}({ text }) }
  },
})
`,
    [`${command}.test.ts`]: `import { expect, test } from '@jest/globals'
import { stage } from '../../test/handlers/stage.ts'

const { alice } = await stage('${group}')

${answers(command, event)}
`,
  }
}

/** The tests of every command that takes a text. */
export function answers(command: string, event: string): string {
  return `test('answers its sender', async () => {
  expect(await alice.calls('${command}', { text: 'hello' })).toAnswer('${event}', { text: 'hello' })
})

test('names the field that is wrong', async () => {
  const refused = await alice.calls('${command}', { text: 7 as never })
  expect(refused).toBeRefused('bad_payload', { text: expect.any(String) })
})`
}
