import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Device } from '../../device.ts'
import { childrenOf, isAlive, ROOT, Run, SOURCE_FOLDERS } from '../../process.ts'

// A handler developer's first minutes, in a copy of the repository: scaffold, test, edit while it runs.

const FOLDERS = ['docs', ...SOURCE_FOLDERS]
const TREE = [
  ...FOLDERS,
  'package.json',
  'docker-compose.yml',
  '.env.example',
  'jest.config.js',
  'tsconfig.json',
  '.prettierrc.json',
]
const tree = `${mkdtempSync(join(tmpdir(), 'tree-'))}/`
const HANDLER = join(tree, 'handlers/notes/add_note.ts')
const env = { PATH: process.env['PATH'], HOME: process.env['HOME'] }

beforeAll(() => {
  const filter = (file: string): boolean => !file.endsWith('.test.ts')
  for (const part of TREE) cpSync(join(ROOT, part), join(tree, part), { recursive: true, filter })
  rmSync(join(tree, 'handlers/notes'), { recursive: true, force: true }) // it exists where someone has followed the docs
  symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'))
})
afterAll(() => rmSync(tree, { recursive: true }))

/** Runs an npm script in the copy; rejects when it fails. */
function npm(script: string, ...args: string[]): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)('npm', ['run', '--silent', script, '--', ...args], { cwd: tree, env })
}

test('npm run dev serves a handler scaffolded while it runs; an edit takes effect at once and drops nothing', async () => {
  const ports = { MQTTS_PORT: '0', WSS_PORT: '0', ADMIN_PORT: '0' }
  const settings = { NODE_ENV: '', DATA_DIR: join(tree, 'data'), ...ports }
  const dev = new Run(['scripts/dev.ts', '--inspect=0'], { root: tree, cwd: tree, env: settings })
  try {
    await dev.says(/Ctrl-C ends it/)
    const debuggers = Array.from(dev.stderr.matchAll(/Debugger listening on ws:\/\/([\d.:]+)/g), async ([, at]) => {
      const [target] = (await (await fetch(`http://${at}/json`)).json()) as { url: string }[]
      return target!.url
    })
    const debugged = (await Promise.all(debuggers)).join()
    for (const script of ['broker/main.ts', 'handlers/run.ts']) expect(debugged).toContain(script)
    await npm('new', 'notes/add_note')
    await Promise.all([dev.says(/"name":"notes".*"serving"/), dev.says(/"name":"broker".*"reloaded"/)])

    const [url, secret] = [/mqtts:\S+/.exec(dev.stdout)![0], readFileSync(join(tree, 'data/dev/secret'), 'utf8')]
    const ca = readFileSync(join(tree, 'data/dev/tls-cert.pem'), 'utf8')
    const people = await Promise.all(['ada', 'ben', 'cleo'].map((sub) => Device.connect(sub, url, secret, ca)))
    const before = await people[0]!.asks('add_note', { text: 'hello' })
    expect(before).toMatchObject({ event: 'note_added', text: 'hello' })

    const edited = readFileSync(HANDLER, 'utf8').replace('note_added({ text })', 'note_added({ text: `${text}!` })')
    writeFileSync(HANDLER, edited)
    const answers = await Promise.all(
      people.map(async (person) => {
        const texts: unknown[] = []
        do {
          const answer = await person.asks('add_note', { text: 'hello' }) // rejects if one is not answered
          expect(answer).toMatchObject({ event: 'note_added' })
          texts.push(answer['text'])
        } while (texts.at(-1) !== 'hello!')
        expect(await person.unread()).toEqual([])
        await person.leaves()
        return texts
      }),
    )
    for (const texts of answers) {
      expect(texts.length).toBeGreaterThan(1)
      expect(new Set(texts)).toEqual(new Set(['hello', 'hello!']))
    }

    writeFileSync(HANDLER, 'this is no TypeScript')
    await dev.says(/reload failed; the old processes run on/)
    writeFileSync(HANDLER, edited.replace('!', '?'))
    dev.kill('SIGINT')
    expect(await dev.ended).toBe(0)
  } finally {
    await dev.close()
    rmSync(join(tree, 'handlers/notes'), { recursive: true })
  }
})

test.each(['start', 'dev', 'broker', 'handlers'])('SIGTERM to npm run %s ends its process too', async (script) => {
  const args = script === 'handlers' ? ['--', 'contacts'] : []
  const settings = { DATA_DIR: join(tree, 'signals'), MQTTS_PORT: '0', WSS_PORT: '0', ADMIN_PORT: '0' }
  const npm = spawn('npm', ['run', '--silent', script, ...args], { cwd: tree, env: { ...env, ...settings } })
  const ended = once(npm, 'exit')
  // npm passes a signal on once it has a listener, which it adds just after it has started the process: not before its first line.
  await Promise.race([once(npm.stdout, 'data'), once(npm.stderr, 'data')])
  let ours: number | undefined // the process below npm that runs our script
  while (ours === undefined) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    const below = [npm.pid!, ...childrenOf(npm.pid!).keys()].flatMap((pid) => [...childrenOf(pid)])
    ours = below.find(([, command]) => /^\S*node .*\.ts/.test(command))?.[0]
  }
  npm.kill('SIGTERM')
  await ended
  expect(isAlive(ours)).toBe(false)
})

const KINDS = { command: 'add_note', book: 'keep_note', live: 'wave', later: 'note_due' }

test('npm run new creates handlers of every kind that pass their tests, the type check and the format check', async () => {
  const said = new Map<string, string>()
  for (const [kind, name] of Object.entries(KINDS)) {
    const { stdout } = await npm('new', `notes/${name}`, ...(kind === 'command' ? [] : ['--kind', kind]))
    said.set(kind, stdout)
  }
  const [jest] = await Promise.all([
    npm('jest', 'handlers/notes'),
    npm('types'),
    promisify(execFile)('node_modules/.bin/prettier', ['--check', 'handlers/notes', 'docker-compose.yml'], {
      cwd: tree,
      env,
    }),
  ])
  expect(jest.stderr).toMatch(/Test Suites: 5 passed, 5 total\nTests: +11 passed, 11 total/)
  const [docs, compose] = ['docs/client.d.ts', 'docker-compose.yml'].map((file) =>
    readFileSync(join(tree, file), 'utf8'),
  )
  expect(docs).toContain('add_note: { text: string }')
  expect(compose!.match(/handlers\/run\.js, notes\]/g)).toHaveLength(1)

  expect(said.get('command')).toMatch(/^handlers\/notes\/add_note\.ts .*begin here$/m)
  expect(said.get('command')).toMatch(/npm run watch -- handlers\/notes .*\n.*npm run dev /)
  expect(said.get('command')).toMatch(/npx mqtt pub .* -t add_note -m '\{"text":"hello"\}'/)
  expect(said.get('later')).not.toContain('mqtt') // no device sends it

  // The generated test still passes once the author stores the command's input.
  const kept = readFileSync(join(tree, 'handlers/notes/keep_note.ts'), 'utf8').replaceAll('note_kept', 'note_added')
  writeFileSync(HANDLER, kept)
  expect((await npm('jest', 'handlers/notes/add_note')).stderr).toMatch(/Tests: +2 passed, 2 total/)
})

const REFUSED: [name: string, why: string][] = [
  ['notes/addNote', 'try notes/add_note'],
  ['notes/request_contact', 'the group contacts has a command request_contact already'],
  ['notes/message_received', 'message_received is an event of the group messaging'],
  ['notes/whoami', 'the broker answers whoami itself'],
  ['session/add_note', 'the group name session is reserved'],
  ['mongodb/query_note', 'docker-compose.yml has a service mongodb already'],
]
test('npm run new refuses invalid names, each with the reason', async () => {
  const before = readFileSync(join(tree, 'docs/client.d.ts'), 'utf8')
  const runs = REFUSED.map(
    ([name, why]) => [name, why, new Run(['scripts/new.ts', name], { root: tree, cwd: tree })] as const,
  )
  for (const [name, why, run] of runs) {
    expect([name, await run.ended]).toEqual([name, 1])
    expect(run.stderr).toContain(why)
    expect(run.stderr).not.toContain('    at ')
  }
  expect(existsSync(join(tree, 'handlers/notes/request_contact.ts'))).toBe(false)
  expect(readFileSync(join(tree, 'docs/client.d.ts'), 'utf8')).toBe(before)
})

test('npm run new --help lists the kinds, and refuses an unknown kind with that list', async () => {
  const help = await npm('new', '--help')
  for (const kind of Object.keys(KINDS)) expect(help.stdout).toMatch(new RegExp(`^ +${kind} +\\w`, 'm'))
  await expect(npm('new', 'notes/other', '--kind', 'thing')).rejects.toMatchObject({
    stderr: 'thing: there is no such kind; choose command, book, live, later\n',
  })
})

/** The declarations of the copy's handlers, as production loads them. */
async function compiledCatalogue(): Promise<{ catalogue: Record<string, unknown>; stderr: string }> {
  const args = ['--enable-source-maps', 'scripts/run.mjs', 'handlers/describe.ts']
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: tree, env })
  return { catalogue: JSON.parse(stdout) as Record<string, unknown>, stderr }
}

test('production runs the current handlers: new ones without a list, no removed ones, and errors name the source line', async () => {
  const memos = join(tree, 'handlers/memos')
  mkdirSync(memos)
  try {
    const file = join(memos, 'add_memo.ts')
    const source = `import { z } from 'zod'\nimport { command } from '../../shared/runtime/command.ts'\n`
    const declared = `interface Shape {\n  a: string\n}\nexport default command({ input: z.object({}), replyTo: 'nobody', events: {}, run: () => ({}) })\n`
    writeFileSync(file, `${source}${declared}`)
    const added = await compiledCatalogue()
    expect(added.stderr).toMatch(/^built dist\/ in \d+ ms\n$/)
    expect(added.catalogue).toMatchObject({ memos: { commands: { add_memo: {} } }, contacts: {} })
    expect((await compiledCatalogue()).stderr).toBe('')

    writeFileSync(file, `${source}${declared}throw new Error('no memos today')\n`)
    await expect(compiledCatalogue()).rejects.toThrow(/no memos today\n +at .*handlers\/memos\/add_memo\.ts:7:7/)
    writeFileSync(file, 'this is no TypeScript')
    await expect(compiledCatalogue()).rejects.toThrow(/handlers\/memos\/add_memo\.ts:1:/)
  } finally {
    rmSync(memos, { recursive: true })
  }
  expect(Object.keys((await compiledCatalogue()).catalogue)).not.toContain('memos')
})

test('without esbuild production runs what is already built, or says what is missing', async () => {
  const bare = mkdtempSync(join(tmpdir(), 'bare-'))
  try {
    for (const folder of FOLDERS) mkdirSync(join(bare, folder))
    for (const part of ['scripts/run.mjs', 'scripts/build'])
      cpSync(join(tree, part), join(bare, part), { recursive: true })
    writeFileSync(join(bare, 'package.json'), '{ "type": "module" }')
    writeFileSync(join(bare, 'broker/main.ts'), 'process.stdout.write(process.argv.slice(2).join())\n')
    const runs = () =>
      promisify(execFile)(process.execPath, ['scripts/run.mjs', 'broker/main.ts', 'a', 'b'], { cwd: bare, env })
    await expect(runs()).rejects.toThrow(/\ndist\/ is not there, and esbuild, .* is not installed\. Run npm install/)

    symlinkSync(join(ROOT, 'node_modules'), join(bare, 'node_modules'))
    expect((await runs()).stdout).toBe('a,b')
    rmSync(join(bare, 'node_modules'))
    expect((await runs()).stdout).toBe('a,b')
    writeFileSync(join(bare, 'broker/main.ts'), '// changed\n')
    await expect(runs()).rejects.toThrow(/\ndist\/ was built from other sources, and esbuild, .* is not installed/)
  } finally {
    rmSync(bare, { recursive: true })
  }
})
