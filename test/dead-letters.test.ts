import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { z } from 'zod'
import { command, event } from '../shared/runtime/command.ts'
import type { Closable } from '../shared/shutdown.ts'
import type { Device } from './device.ts'
import { Run } from './process.ts'
import { openStage, type Stage } from './stage.ts'
import { readConfig } from '../shared/config.ts'
import { runDead } from '../scripts/dead/run-dead.ts'

// How an operator handles commands that have failed for good.

const worked = event('worked', { text: z.string() })
let isBroken = true
let ran = 0
const input = z.object({ text: z.string() })
const run = ({ text }: z.output<typeof input>) => {
  ran++
  if (isBroken) throw new Error(`broken by ${text}`)
  return { reply: worked({ text }) }
}
const work = command({ input, events: { worked }, attempts: 2, run })
const read = command({ input, events: { worked }, attempts: 1, replyTo: 'client', run })

let stage: Stage
let env: Record<string, string>
/** The group's first process. */
let away: Closable
const devices = new Map<string, Device>()
beforeAll(async () => {
  stage = await openStage([], { RETRY_DELAY: '0' })
  away = await stage.serve('works', new Map([['do_work', work]]))
  env = { SECRET: stage.secret, ADMIN_PORT: String(stage.broker.ports.admin), DATA_DIR: stage.config.DATA_DIR }
  for (const name of ['alice', 'bob']) devices.set(name, await stage.device(name))
})
afterAll(() => stage.close())

interface Said {
  /** The exit code. */
  code: unknown
  lines: string[]
  errors: string
}

/** Does what `npm run dead` does, in this process. */
async function dead(...args: string[]): Promise<Said> {
  const said: Said = { code: 1, lines: [], errors: '' }
  try {
    const isWell = await runDead(
      args,
      () => readConfig(env),
      (text) => void said.lines.push(...text.split('\n')),
    )
    if (isWell) said.code = 0
  } catch (err) {
    said.errors = (err as Error).message
  }
  return said
}

/** Runs `npm run dead` as an operator does. */
async function runs(args: string[], more: Record<string, string> = {}): Promise<Said> {
  const run = stage.keep(new Run(['scripts/dead.ts', ...args], { env: { ...env, ...more } }))
  const code = await run.ended
  return { code, lines: run.stdout.trimEnd().split('\n'), errors: run.stderr }
}

async function fails(name: string, id: string): Promise<void> {
  const alice = devices.get(name)!
  expect(await alice.asks('do_work', { text: id }, { id })).toMatchObject({ event: 'command_failed', code: 'internal' })
}

test('lists, shows, replays with a dry run, and drops: by command, user, time and id', async () => {
  await fails('alice', 'a1')
  await fails('alice', 'a2')
  await fails('bob', 'b1')
  const { lines } = await dead('list')
  expect(lines).toHaveLength(4)
  expect(lines[0]).toMatch(
    /^\d{4}-.* {2}do_work {2}alice {2}works {2}2 attempts {2}internal {2}alice\/a1~\w+ {2}Error: broken by \[input\]$/,
  )
  expect(lines[3]).toBe('3 dead letters')
  expect((await dead('list', '--user', 'bob')).lines.at(-1)).toBe('1 dead letter')
  expect((await dead('list', '--command', 'other')).lines).toEqual(['0 dead letters'])
  expect((await dead('list', '--until', '1h')).lines).toEqual(['0 dead letters'])
  expect((await dead('list', '--since', '1h', '--limit', '1')).lines.at(-1)).toBe('3 dead letters, 1 shown')
  expect(JSON.parse((await dead('show', 'a1')).lines.join('\n'))).toMatchObject({
    payload: expect.stringMatching('a1'),
    error: { name: 'Error', message: 'broken by [input]', stack: expect.stringMatching(/dead-letters\.test\.ts/) },
  })

  isBroken = false
  const before = ran
  const dry = await dead('replay', '--user', 'alice', '--dry-run')
  expect(dry.lines.at(-1)).toBe('2 would be replayed; nothing was changed')
  expect(ran).toBe(before)
  const { code, lines: said } = await dead('replay', '--user', 'alice')
  const ended = (id: string) =>
    expect.stringMatching(new RegExp(`^done {2}do_work {2}alice {2}works {2}alice/${id}~\\w+$`))
  expect([code, said]).toEqual([0, ['2 replayed', ended('a1'), ended('a2'), '2 done, 0 refused, 0 dead again']])
  const alice = devices.get('alice')!
  expect(await alice.receives('worked')).toMatchObject({ re: 'a1', text: 'a1' })
  expect(await alice.receives('worked')).toMatchObject({ re: 'a2' })
  expect(ran).toBe(before + 2)

  expect((await dead('replay', '--user', 'alice')).lines).toEqual(['0 replayed']) // a finished command never runs again
  expect(await alice.asks('do_work', { text: 'a1' }, { id: 'a1' })).toMatchObject({ event: 'worked', text: 'a1' })
  expect(ran).toBe(before + 2)

  expect((await dead('drop', '--id', 'b1')).lines).toEqual(['1 dropped'])
  expect((await dead('list')).lines).toEqual(['0 dead letters'])
  expect(await devices.get('bob')!.unread()).toEqual([])
})

test('a replayed command that fails again is a dead letter again', async () => {
  isBroken = true
  await fails('bob', 'b2')
  const { code, lines } = await dead('replay', '--all')
  const again = expect.stringMatching(
    /^dead again {2}do_work {2}bob {2}works {2}internal {2}bob\/b2~\w+ {2}Error: broken by \[input\]$/,
  )
  expect([code, lines]).toEqual([1, ['1 replayed', again, '0 done, 0 refused, 1 dead again']])
  expect(await devices.get('bob')!.receives('command_failed')).toMatchObject({ re: 'b2' })
  expect((await dead('list')).lines.at(-1)).toBe('1 dead letter')
})

test('reports what is still open after its timeout, and does not wait when told so', async () => {
  isBroken = true
  await fails('bob', 'b3')
  await away.close()
  const { code, lines } = await dead('replay', '--id', 'b3', '--timeout', '0')
  const waits = expect.stringMatching(/^still waiting {2}do_work {2}bob {2}works {2}bob\/b3~\w+$/)
  const sum = '0 done, 0 refused, 0 dead again, 1 still waiting after 0 s'
  expect([code, lines]).toEqual([1, ['1 replayed', waits, sum]])
  await stage.serve('works', new Map([['do_work', work]]))
  expect(await devices.get('bob')!.receives('command_failed')).toMatchObject({ re: 'b3' })
  const unwaited = await dead('replay', '--id', 'b3', '--no-wait')
  expect([unwaited.code, unwaited.lines]).toEqual([0, ['1 replayed']])
  await devices.get('bob')!.receives('command_failed')
})

test('does not replay a letter whose device has sent the command again: never two commands of one id', async () => {
  isBroken = true
  const reads = new Map([['read_work', read]])
  const process = await stage.serve('reads', reads)
  const alice = devices.get('alice')!
  const sends = () => alice.sends('read_work', { text: 'c1' }, { id: 'c1' })
  await sends()
  await alice.receives('command_failed')
  await process.close()
  await sends() // the same id: the same command
  await alice.receives('command_queued')
  const { code, lines } = await dead('replay', '--id', 'c1')
  const stays = expect.stringMatching(/^not replayed {2}read_work {2}alice {2}reads {2}alice\/c1~\w+$/)
  const why = '1 not replayed: a command of the same id has not ended; when it has, replay or drop them'
  expect([code, lines]).toEqual([1, ['0 replayed', stays, why]])

  isBroken = false
  const before = ran
  await stage.serve('reads', reads)
  expect(await alice.receives('worked')).toMatchObject({ re: 'c1' })
  expect(ran).toBe(before + 1)
  expect((await dead('replay', '--id', 'c1', '--no-wait')).lines).toEqual(['1 replayed'])
  expect(await alice.receives('worked')).toMatchObject({ re: 'c1' })
  expect(await alice.unread()).toEqual([])
})

test('of two simultaneous replays of a letter, one replays it', async () => {
  isBroken = true
  await fails('alice', 'd1')
  isBroken = false
  const before = ran
  const { default: jwt } = await import('jsonwebtoken')
  const token = jwt.sign({ sub: 'operator', role: 'operator' }, stage.secret, { expiresIn: 60 })
  const url = `${stage.admin}/api/dead-letters/replay`
  const replays = [1, 2].map(async () => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const response = await fetch(url, { method: 'POST', headers, body: '{"id":"d1"}' })
    return ((await response.json()) as { count: number }).count
  })
  expect((await Promise.all(replays)).toSorted((a, b) => a - b)).toEqual([0, 1])
  expect(await devices.get('alice')!.receives('worked')).toMatchObject({ re: 'd1' })
  expect(ran).toBe(before + 1)
})

test('reports what is wrong with its arguments', async () => {
  for (const [args, message] of [
    [['replay'], /needs a filter, or --all/],
    [['list', '--since', 'yesterday'], /--since: yesterday is not a time/],
    [['list', '--since', '2026-11-20T18:00'], /--since: 2026-11-20T18:00 is not a time/],
    [['show', 'none'], /there is no dead letter none/],
    [['list', '--limit', '0'], /limit/],
    [['dig'], /^usage/],
    [[], /^usage/],
    [['list', '--colour'], /--colour/],
  ] as const) {
    const { code, errors } = await dead(...args)
    expect([args, code, errors]).toEqual([args, 1, expect.stringMatching(message)])
  }
  expect((await dead('--help')).lines[0]).toMatch(/^usage/)
})

test('the admin port shows no dead letters without the token of an operator', async () => {
  const url = `${stage.admin}/api/dead-letters`
  const { default: jwt } = await import('jsonwebtoken')
  const sign = (claims: object): string => jwt.sign({ sub: 'alice', ...claims }, stage.secret, { expiresIn: 60 })
  for (const token of [undefined, 'nonsense', sign({}), sign({ role: 'user' })]) {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
    for (const [method, path] of [
      ['GET', ''],
      ['POST', '/drop'],
      ['POST', '/replay'],
    ] as const) {
      expect([401, 403]).toContain((await fetch(url + path, { method, headers })).status)
    }
  }
  const headers = { authorization: `Bearer ${sign({ role: 'operator' })}` }
  expect((await fetch(`${url}/drop`, { headers })).status).toBe(405) // a GET changes nothing
  for (const wrong of ['user[$gt]=', 'since=', 'since=0x10', 'until=2026-11-20', 'limit=1e2']) {
    expect([wrong, (await fetch(`${url}?${wrong}`, { headers })).status]).toEqual([wrong, 400])
  }
  expect((await fetch(`${url}?since=2026-11-20T18:00:00Z`, { headers })).status).toBe(200)
  expect((await fetch(url, { headers })).status).toBe(200)
})

test('the command prints lines on stdout and what is wrong on stderr, and ends with 0 or 1', async () => {
  expect(await runs(['list', '--user', 'nobody'])).toEqual({ code: 0, lines: ['0 dead letters'], errors: '' })
  expect(await runs(['replay'])).toEqual({ code: 1, lines: [''], errors: 'replay needs a filter, or --all\n' })
  isBroken = true
  await fails('bob', 'e1')
  expect(await runs(['replay', '--id', 'e1'])).toMatchObject({ code: 1, errors: '' })
})

test('reports that there is no broker, or that the secret is wrong', async () => {
  const nobody = await runs(['list'], { ADMIN_PORT: '1' })
  expect(nobody).toMatchObject({ code: 1, errors: expect.stringMatching(/no broker answers at 127\.0\.0\.1:1/) })
  const stranger = await runs(['list'], { SECRET: 'not the secret it has' })
  expect(stranger).toMatchObject({ code: 1, errors: expect.stringMatching(/is SECRET the one it runs with/) })
})
