import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, test } from '@jest/globals'
import { KINDS } from '../../scripts/new/kinds.ts'
import { ROOT } from '../../test/process.ts'
import { describe } from './scan.ts'

// Mistakes of handler authors: what the compiler says of them, and what loading the handlers says.

const tree = mkdtempSync(join(tmpdir(), 'mistakes-'))
for (const name of ['shared', 'node_modules', 'package.json', 'tsconfig.json'])
  symlinkSync(join(ROOT, name), join(tree, name))
afterAll(() => rmSync(tree, { recursive: true }))

/** Writes the files of a group, `<group>/<file>` to content, to handlers/ in a folder of its own. */
function handlersWith(name: string, files: Record<string, string>): string {
  const root = join(tree, name)
  mkdirSync(root)
  symlinkSync(join(ROOT, 'shared'), join(root, 'shared'))
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(join(root, 'handlers', file, '..'), { recursive: true })
    writeFileSync(join(root, 'handlers', file), content)
  }
  return join(root, 'handlers')
}

/** A mistake in a declaration, and what the compiler's message must contain. */
const MISTAKES: [what: string, declared: string, message: RegExp][] = [
  ['a forgotten reply', 'run: () => ({})', /'\{\}' is not assignable to type '.*ReplyOrRefusal</],
  [
    'a forgotten reply, beside other effects',
    'run: async (_, { from }) => ({ notify: [[from.user, added({})]] })',
    /Property 'reply' is missing/,
  ],
  [
    'a missing outcome',
    "run: async () => { switch (await add()) { case 'added': return { reply: added({}) } } }",
    /Not all code paths return a value/,
  ],
  ['nothing at all', 'async run() {}', /Type 'void' is not assignable to type 'ReplyOrRefusal</],
  ['an undeclared event', 'run: () => ({ reply: removed({}) })', /'"removed"' is not assignable to type '"added"'/],
  [
    'an undeclared deferred command',
    'run: () => ({ reply: added({}), later: [[9, remind({})]] })',
    /'LaterValue<"remind">' is not assignable to type '"none is declared"'/,
  ],
  [
    'a reply where none is declared',
    "replyTo: 'nobody', run: () => ({ reply: added({}) })",
    /"no reply: the declaration says replyTo: 'nobody' or internal"/,
  ],
]

test('a forgotten reply, a missing outcome or a wrong event does not compile, and the compiler says what is missing', async () => {
  const before = `import { z } from 'zod'
import { command, event, later } from '../../shared/runtime/command.ts'
const [added, removed, remind] = [event('added', {}), event('removed', {}), later('remind', {})] as const
declare const add: () => Promise<'added' | 'full'>
export const used = [removed, remind, add]
`
  const mistakes = MISTAKES.map(([, declared], i) => [
    `memos/memo_${i}.ts`,
    `${before}export default command({ input: z.object({}), events: { added }, ${declared} })\n`,
  ])
  const made = Object.entries(KINDS).flatMap(([kind, made]) =>
    Object.entries(made.files({ group: 'notes', command: `${kind}_note`, event: `${kind}_noted`, collection: kind }))
      .filter(([file]) => !file.endsWith('.test.ts'))
      .map(([file, content]) => [`notes/${file}`, content]),
  )
  const folder = handlersWith('compiled', Object.fromEntries([...mistakes, ...made]) as Record<string, string>)
  writeFileSync(join(folder, 'tsconfig.json'), '{ "extends": "../../tsconfig.json", "include": ["."] }')
  const tsc = promisify(execFile)(join(ROOT, 'node_modules/.bin/tsc'), ['--noEmit', '-p', folder], { cwd: tree })
  const { stdout } = await tsc.catch((err: { stdout: string }) => err)
  const said = stdout.split(/^(?=\S)/m) // one error each
  for (const [i, [what, , message]] of MISTAKES.entries()) {
    const own = said.filter((error) => error.includes(`memo_${i}.ts(6,`)).join('')
    expect([what, own]).toEqual([what, expect.stringMatching(message)])
  }
  expect(said.filter((error) => !error.includes('memos/memo_'))).toEqual([]) // what `npm run new` makes compiles
})

const MISNAMED: [string, string, string, string][] = [
  [
    "a command that is named like another group's",
    'memos/request_contact.ts',
    "internal: 'later', events: {}",
    'the group contacts has a command request_contact too',
  ],
  [
    "a command that is named like another group's event",
    'memos/message_received.ts',
    "internal: 'later', events: {}",
    'message_received is an event of the group messaging',
  ],
  ["a command of the broker's", 'memos/whoami.ts', "internal: 'later', events: {}", 'the broker answers whoami itself'],
  [
    "an event of the broker's",
    'memos/add_note.ts',
    "internal: 'later', events: { e: event('session_info', {}) }",
    'session_info is',
  ],
  [
    "an event of the client's",
    'memos/add_note.ts',
    "internal: 'later', events: { e: event('reset', {}) }",
    'reset is what the client tells apps of itself',
  ],
  ['a group that no key can name', 'memos.v2/add_note.ts', "internal: 'later', events: {}", 'not memos.v2'],
  [
    'a later that is not a command',
    'memos/add_note.ts',
    "replyTo: 'nobody', events: {}, later: { l: later('tell', {}) }",
    'no command tell',
  ],
]
/** Two groups with a command and an event each, beside those that are misnamed. */
const OTHERS = {
  'contacts/request_contact.ts': "replyTo: 'nobody', events: {}",
  'messaging/send_message.ts': "replyTo: 'nobody', events: { e: event('message_received', {}) }",
}
test.each(MISNAMED)(
  '%s is refused when the handlers are loaded, with the file and the reason',
  async (what, file, says, why) => {
    const declared = Object.entries({ ...OTHERS, [file]: says }).map(([name, more]) => [
      name,
      `import { z } from 'zod'\nimport { command, event, later } from '../../shared/runtime/command.ts'\n` +
        `export default command({ input: z.object({}), ${more}, run: () => ({}) })\n`,
    ])
    const folder = handlersWith(what, Object.fromEntries(declared) as Record<string, string>)
    const fault = (await describe(folder).catch((err: Error) => err)) as Error
    expect(fault.message).toContain(file.startsWith('memos/') ? `handlers/${file}: ` : 'handlers/memos.v2: ')
    expect(fault.message).toContain(why)
  },
)
