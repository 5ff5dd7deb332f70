import { answers } from './command-files.ts'
import type { Files, Made } from './kinds.ts'
import { camelCase, nounOf } from './names.ts'

export function bookFiles({ group, command, event, collection }: Made): Files {
  const noun = nounOf(command)
  const [record, many, book] = [capital(camelCase(noun)), camelCase(`${noun}s`), `${camelCase(noun)}Book`]
  const file = `${noun.replaceAll('_', '-')}-book`
  return {
    [`${command}.ts`]: `import { z } from 'zod'
import { command, event } from '../../shared/runtime/command.ts'
import { ${book} } from './${file}.ts'

export const ${event} = event('${event}', { ${noun}_id: z.string(), text: z.string() })

/** Stores a text for its sender. Say here what the command does for them. */
export default command({
  input: z.object({ text: z.string().min(1).max(1000) }),
  events: { ${event} },
  uses: { ${many}: ${book} },

  async run({ text }, { from, ${many}, command }) {
    await ${many}.add({ _id: command.id, user: from.user, at: command.at.getTime(), text })
    return { reply: ${event}({ ${noun}_id: command.id, text }) }
  },
})
`,
    [`${file}.ts`]: `import type { Document, Store } from '../../shared/store/documents.ts'
import type { UserId } from '../../shared/wire/user-id.ts'

export interface ${record} extends Document {
  readonly user: UserId
  /** When it was added, in milliseconds since 1970. */
  readonly at: number
  readonly text: string
}

export function ${book}(store: Store) {
  const ${many} = store.collection<${record}>({ name: '${collection}', indexes: { by_user: { fields: ['user', 'at'] } } })

  return {
    /** Stores it. After a crash the same command may run again: its id is the key, so the second run changes nothing. */
    add: (one: ${record}) => ${many}.insert(one),

    /** The user's entries, newest first, found by the index. @param after the last entry of the previous page */
    of: (user: UserId, limit: number, after?: ${record}) =>
      ${many}.find({ by: 'by_user', where: { user }, reverse: true, limit, ...(after && { after: { ...after } }) }),
  }
}
`,
    [`${command}.test.ts`]: `import { expect, test } from '@jest/globals'
import { stage } from '../../test/handlers/stage.ts'

const { alice } = await stage('${group}')

${answers(command, event)}

test('keeps it once, wherever its process dies', async () => {
  const answer = await alice.calls('${command}', { text: 'once' }, { crashes: true })
  expect(answer).toAnswer('${event}', { text: 'once' })
})

test('costs the same, however much is kept', async () => {
  expect(await alice.costs('${command}', { text: 'more' })).toEqual({ read: 0, counted: 0, written: 1 })
})
`,
    [`${file}.test.ts`]: `import { afterAll, expect, test } from '@jest/globals'
import { userIdOf } from '../../shared/wire/user-id.ts'
import { ownData } from '../../test/own-data.ts'
import { ${book} } from './${file}.ts'

const data = await ownData()
afterAll(() => data.close())
const ${many} = ${book}(await data.store())

test("lists one user's, newest first, page by page", async () => {
  const [alice, bob] = [userIdOf('alice'), userIdOf('bob')]
  for (const at of [1, 2, 3]) await ${many}.add({ _id: \`alice/\${at}\`, user: alice, at, text: 'hers' })
  await ${many}.add({ _id: 'bob/1', user: bob, at: 2, text: 'his' })
  const page = await ${many}.of(alice, 2)
  expect(page.map(({ at }) => at)).toEqual([3, 2])
  expect((await ${many}.of(alice, 2, page[1])).map(({ at }) => at)).toEqual([1])
})

test('keeps what comes twice once', async () => {
  const one = { _id: 'carl/1', user: userIdOf('carl'), at: 1, text: 'once' }
  expect([await ${many}.add(one), await ${many}.add(one)]).toEqual([true, false])
  expect(await ${many}.of(one.user, 10)).toEqual([one])
})
`,
  }
}

function capital(name: string): string {
  return `${name[0]!.toUpperCase()}${name.slice(1)}`
}
