import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Device, Received } from './device.ts'
import { metric } from './metrics.ts'
import { PlainHandler } from './plain-handler.ts'
import { openStage, type Stage } from './stage.ts'

// One user, group or observer that fills its share of the queue affects nobody else.

const [ALL, A_USER] = [80, 10]

let stage: Stage
let answering: PlainHandler
beforeAll(async () => {
  stage = await openStage([], {
    MAX_QUEUED: String(ALL),
    QUEUED_PER_USER: String(A_USER),
    REMEMBERED_BYTES_PER_USER: '1000',
  })
  answering = await PlainHandler.connect(stage, 'lively.1')
  await answering.takes('greet', 0)
})
afterAll(() => stage.close())

const readyz = async (): Promise<string[]> => (await (await fetch(`${stage.admin}/readyz`)).text()).trim().split('\n')

/** A group that has subscribed to a command, and is away. */
async function away(group: string, command: string): Promise<void> {
  const handler = await PlainHandler.connect(stage, `${group}.1`)
  await handler.takes(command, 1)
  await handler.mqtt.endAsync()
}

/** Sends commands one after another, until one is refused. */
async function sendsUntilRefused(one: Device, command: string): Promise<{ accepted: number; refusal: Received }> {
  for (let accepted = 0; ; accepted++) {
    const isAccepted = await one.sends(command, {}).then(
      () => true,
      () => false, // by the reason code of its PUBACK
    )
    if (!isAccepted) return { accepted, refusal: await one.receives('command_rejected') }
  }
}

/** Sends a command that a group answers at once. */
async function isServed(one: Device): Promise<void> {
  const re = await one.sends('greet', {})
  const { stamp } = await answering.gets('greet')
  await answering.causes(`${one.user}_greeted`, {}, stamp['command-id'])
  expect(await one.receives('greeted')).toMatchObject({ re })
}

test('a user with too many waiting commands gets rate_limited; others can send to the same group', async () => {
  await away('absent', 'wait')
  const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
  const { accepted, refusal } = await sendsUntilRefused(alice, 'wait')
  expect(accepted).toBe(A_USER)
  expect(refusal).toMatchObject({
    code: 'rate_limited',
    message: expect.stringContaining('too many of your commands wait'),
    retry_after_ms: expect.any(Number),
  })
  await bob.sends('wait', {})
  expect(await bob.receives('command_queued')).toMatchObject({ command: 'wait' })
})

test('an absent group holds at most half of the queue: commands for others are accepted, and /readyz names it', async () => {
  let held = A_USER + 1
  let refused: Received | undefined
  for (let i = 0; !refused; i++) {
    const { accepted, refusal } = await sendsUntilRefused(await stage.device(`sender-${i}`), 'wait')
    held += accepted
    if (refusal['code'] === 'unavailable') refused = refusal
  }
  expect(held).toBeLessThanOrEqual(ALL / 2)
  expect(held).toBeGreaterThan(ALL / 4) // other absent groups hold commands of the broker's own
  expect(refused).toMatchObject({
    message: expect.stringContaining('too many commands wait for the handlers of this one'),
  })
  const carol = await stage.device('carol')
  await isServed(carol)
  expect(await carol.asks('wait')).toMatchObject({ code: 'unavailable' })
  const [verdict, ...lines] = await readyz()
  expect(verdict).toBe('degraded')
  expect(lines).toContainEqual(
    expect.stringMatching(/^the group absent holds (?:9\d|100) % of its share of the queue; /),
  )
  expect(await metric(stage, 'storage_used_bytes', 'kind="queued"')).toBeGreaterThan(held * 100)
})

test('an absent observer takes no room from owners; it loses its oldest commands, and /readyz says so', async () => {
  await away('audit', 'greet')
  const dora = await stage.device('dora')
  for (let i = 0; i < ALL / 4; i++) await isServed(dora)
  expect(await metric(stage, 'observer_commands_dropped_total')).toBe(0)
  expect(await readyz()).toContain(
    'the room for commands that wait for observers alone is 100 % full, most of it taken by the observer audit; beyond, the oldest are dropped',
  )
  for (let i = 0; i < ALL; i++) await isServed(dora)
  expect(await metric(stage, 'observer_commands_dropped_total')).toBe(ALL)
  const audit = await PlainHandler.connect(stage, 'audit.1')
  await audit.takes('greet', 0)
  for (let i = 0; i < ALL / 4; i++) {
    const { stamp } = await audit.gets('greet')
    await audit.ends({ outcome: 'done', command: stamp['command-id'], attempt: Number(stamp['attempt']), events: [] })
  }
  expect(audit.unread).toBe(0)
})

test('an answer beyond its user’s share is sent once; the same id again gets conflict, and does not run again', async () => {
  const emil = await stage.device('emil')
  await emil.sends('greet', {}, { id: 'long' })
  const { stamp } = await answering.gets('greet')
  await answering.causes('emil_greeted', { text: 'x'.repeat(2_000) }, stamp['command-id'])
  expect(await emil.receives('greeted')).toMatchObject({ re: 'long' })
  expect(await emil.asks('greet', {}, { id: 'long' })).toMatchObject({
    event: 'command_rejected',
    code: 'conflict',
    message: expect.stringContaining('has already run'),
  })
  expect(await emil.asks('greet', { n: 2 }, { id: 'long' })).toMatchObject({
    code: 'conflict',
    fields: { id: expect.stringContaining('used before') },
  })
  await isServed(emil)
  expect(answering.unread).toBe(0)
})
