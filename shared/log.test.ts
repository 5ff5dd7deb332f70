import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:fs'
import { expect, test } from '@jest/globals'
import { ROOT } from '../test/process.ts'
import { openLog } from './log.ts'
import { Sampling } from './sampled-log.ts'
import { hideFromLogs } from './secret-text.ts'

// Runs compiled code as in production, because tsx makes a process's stdout non-blocking itself.
const SCRIPT = `
  import { openLog } from './dist/shared/log.js'
  const log = openLog('info', 'test')
  log.info('here')
  process.stdin.once('data', () => {
    log.info('some of'); log.info('the last words')
    process.exit(7)
  })`

test.each([
  ['is read', false],
  ['nobody reads any more', true],
])('a process whose log %s writes its last lines and exits', async (_, isGone) => {
  const args = ['--input-type=module', '-e', SCRIPT]
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['pipe', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.on('data', (data) => (said += String(data)))
  await once(child.stdout, 'data')
  if (isGone) {
    child.stdout.destroy()
    await once(child.stdout, 'close')
  }
  child.stdin.write('now')
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
  expect(await once(child, 'close')).toEqual([7, null])
  clearTimeout(timer)
  expect(said.includes('the last words')).toBe(!isGone)
})

/** Logs more than any pipe holds, reports over IPC that its work goes on, and exits when told to. */
const FLOOD = `
  import { openLog } from './dist/shared/log.js'
  import { Sampling } from './dist/shared/sampled-log.js'
  const log = openLog('info', 'test', undefined, new Sampling({ first: Infinity }))
  for (let n = 0; n < 20_000; n++) log.info({ n, text: 'x'.repeat(200) }, 'line')
  setTimeout(() => process.send('goes on'), 100)
  process.on('message', (word) => {
    if (word === 'exit') process.exit(7)
    log.info('more')
    process.send('said')
  })`

const PIPED = '"$@" | (read _ <&4; exec cat)'
const unshare = process.getuid?.() === 0 ? ['unshare', '-m'] : ['unshare', '-Urm']

test.each([
  ['a pipe', ['sh', '-c', PIPED, 'sh']],
  ['a pipe that cannot be opened anew', [...unshare, 'sh', '-c', `mount -t tmpfs none /proc && ${PIPED}`, 'sh']],
  ['a socket', []],
])(
  'a log that nobody reads for a while, %s, does not stop work; dropped lines are counted and reported',
  async (_, through) => {
    const [program, ...args] = [...through, process.execPath, '--input-type=module', '-e', FLOOD]
    const stdio = ['ignore', 'pipe', 'inherit', 'ipc', 'pipe'] as const
    const child = spawn(program, args, { cwd: ROOT, stdio: [...stdio] })
    const timer = setTimeout(() => child.kill('SIGKILL'), 60_000)
    let said = ''
    const seen = new Promise<void>((resolve) => {
      child.stdout!.setEncoding('utf8').on('data', (text: string) => {
        said += text
        if (said.includes('were dropped')) resolve()
      })
    })
    if (through.length === 0) child.stdout!.pause()
    expect(await once(child, 'message')).toEqual(['goes on', undefined])
    child.send('more')
    expect(await once(child, 'message')).toEqual(['said', undefined])

    if (through.length === 0) child.stdout!.resume()
    else (child.stdio[4] as NodeJS.WritableStream).write('go\n')
    await seen
    child.send('exit')
    await once(child, 'close')
    clearTimeout(timer)
    const lines = said
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { msg: string; dropped?: number })
    const { dropped } = lines.find(({ msg }) => msg.includes('were dropped'))!
    expect(dropped).toBeGreaterThan(0)
    expect(lines.filter(({ msg }) => msg === 'line' || msg === 'more').length + dropped!).toBe(20_001)
  },
)

test('a pipe that other processes write to, too, still blocks for them', async () => {
  const script = `
    import { openLog } from './dist/shared/log.js'
    openLog('info', 'test').info('here')
    setInterval(() => {}, 1_000)`
  // The shell and its children share the pipe with the process that logs.
  const shell = '{ "$@" & read _; cat /proc/self/fdinfo/3 3>&1 >&2; kill $!; } | cat'
  const args = ['-c', shell, 'sh', process.execPath, '--input-type=module', '-e', script]
  const child = spawn('sh', args, { cwd: ROOT, stdio: ['pipe', 'pipe', 'pipe'] })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  expect(String(line)).toContain('"msg":"here"')
  child.stdin.write('now\n')
  const [info] = (await once(child.stderr, 'data')) as [Buffer]
  await once(child, 'close')
  const flags = Number.parseInt(/flags:\s*(\d+)/.exec(String(info))![1]!, 8)
  expect(flags & constants.O_NONBLOCK).toBe(0)
})

test('writes the first of many lines of one kind, then the last one with their number and reasons', () => {
  const lines: Record<string, unknown>[] = []
  const sampling = new Sampling({ first: 3, windowMs: 60_000 })
  const log = openLog('info', 'test', { write: (line) => void lines.push(JSON.parse(line) as never) }, sampling)
  for (let n = 0; n < 1_000; n++) log.info({ n, reason: n % 2 ? 'odd' : 'even', user: 'x'.repeat(9_000) }, 'refused')
  log.info('something else')
  log.fatal('the end')
  expect(lines.map(({ msg }) => msg)).toEqual(['refused', 'refused', 'refused', 'something else', 'the end'])
  expect(lines.every((line) => JSON.stringify(line).length < 500)).toBe(true)

  sampling.tell()
  const count = { msg: 'refused', n: 999, more: 997, seconds: 60, reasons: { odd: 499, even: 498 } }
  expect(lines.slice(5)).toEqual([expect.objectContaining(count)])
  log.info({ n: 0 }, 'refused')
  expect(lines.at(-1)).toMatchObject({ msg: 'refused', n: 0 })
  sampling.tell()
  expect(lines).toHaveLength(7)
})

test('a window ends by itself', async () => {
  const told = new Promise<string>((resolve) => {
    const sampling = new Sampling({ first: 1, windowMs: 1 })
    const log = openLog('info', 'test', { write: (line) => line.includes('"more":1') && resolve(line) }, sampling)
    log.warn('a fault')
    log.warn('a fault')
  })
  expect(JSON.parse(await told)).toMatchObject({ level: 40, msg: 'a fault', more: 1 })
})

test('hides secrets in long and deep fields, too, and keeps the stack of an error', () => {
  const lines: string[] = []
  const log = openLog('info', 'test', { write: (line) => void lines.push(line) })
  log.warn({ token: 'hunter2', login: { password: 'hunter2' }, list: Array.from({ length: 90 }, () => 'x') }, 'a login')
  log.error({ err: new Error('y'.repeat(90_000)) }, 'a failure')
  log.error(new Error('alone'))
  expect(lines.join('')).not.toContain('hunter2')
  expect(lines.map(({ length }) => length < 10_000)).toEqual([true, true, true])
  expect(JSON.parse(lines[1]!)).toMatchObject({ msg: 'a failure', err: { type: 'Error', stack: expect.any(String) } })
  expect(JSON.parse(lines[2]!)).toMatchObject({ err: { message: 'alone' } })
})

test("keeps pino's other ways to log: placeholders, only a text, only an error", () => {
  const lines: string[] = []
  const log = openLog('info', 'test', { write: (line) => void lines.push(line) })
  log.info('sent %s to %d', 'a note', 3)
  log.info({ note: 1 }, 'kept %s', 'it')
  log.error(new Error('no room'))
  expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
    { msg: 'sent a note to 3' },
    { note: 1, msg: 'kept it' },
    { err: { message: 'no room' }, msg: 'no room' },
  ])
})

test('no line shows a secret of the process or a token, wherever a handler puts it', () => {
  const lines: string[] = []
  const log = openLog('info', 'test', { write: (line) => void lines.push(line) })
  const key = 'the "key" of this process'
  hideFromLogs([key, undefined])
  const token = `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.${Buffer.from('{"sub":"a"}').toString('base64url')}.c2ln`
  log.info(`a text with ${key} and ${token}`)
  log.info({ url: `https://example.org/?access_token=${token}&x=1`, deep: { deeper: [{ key }, `=${key}=`] } }, 'fields')
  log.error({ err: new Error(`refused ${token} for ${key}`) }, 'an error')
  expect(lines).toHaveLength(3)
  for (const line of lines) {
    expect(line).not.toContain('of this process')
    expect(line).not.toContain(token)
    expect(() => JSON.parse(line) as unknown).not.toThrow()
  }
  expect(lines[0]).toContain('a text with [hidden] and [token]')
})
