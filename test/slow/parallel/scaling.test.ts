import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Device } from '../../device.ts'
import { Run } from '../../process.ts'
import { openStage, type Stage } from '../../stage.ts'

// One group in several processes, and 300 commands while one of them ends: cleanly, or by kill -9.

const ASKERS = 30
const ASKED = 10

let stage: Stage
const running: Run[] = []
beforeAll(async () => {
  stage = await openStage()
})
afterAll(() => stage.close())

/** Starts this many processes of the contacts group; all serve. */
async function processes(count: number): Promise<Run[]> {
  const env = { BROKER_URL: stage.url, ...stage.data, LOG_LEVEL: 'warn' }
  while (running.length < count) running.push(stage.keep(new Run(['handlers/run.ts', 'contacts'], { env })))
  await Promise.all(running.map(({ ready }) => ready))
  return running.splice(0)
}

/** 30 people who each send requests to 10 others, and everything that all of them hear. */
async function crowd(name: string) {
  const people = (role: string, count: number): Promise<Device[]> =>
    Promise.all(Array.from({ length: count }, (_, i) => stage.device(`${name}-${role}-${i}`)))
  const [askers, asked] = [await people('asker', ASKERS), await people('asked', ASKED)]
  const sent: string[] = []
  return {
    askers,
    /** Resolves when the broker has all 300. */
    ask: async (): Promise<void> => {
      const ids = asked.flatMap(({ user }) => askers.map((asker) => asker.sends('request_contact', { user_id: user })))
      sent.push(...(await Promise.all(ids)))
    },
    /** Each command has one answer and one effect, and each of those asked has heard of each once. */
    allIsWell: async (): Promise<void> => {
      const answered: string[] = []
      for (const asker of askers) {
        for (let i = 0; i < ASKED; i++) answered.push((await asker.receives('contact_request_sent')).re!)
        const { contacts } = (await asker.asks('get_contact_list')) as unknown as { contacts: { user_id: string }[] }
        expect(new Set(contacts.map(({ user_id }) => user_id))).toEqual(new Set(asked.map(({ user }) => user)))
      }
      expect(answered).toHaveLength(ASKERS * ASKED)
      expect(new Set(answered)).toEqual(new Set(sent))
      for (const one of asked) {
        const heard = await one.unread()
        expect(heard.map(({ event }) => event)).toEqual(Array.from({ length: ASKERS }, () => 'contact_requested'))
        expect(new Set(heard.map(({ user_id }) => user_id)).size).toBe(ASKERS)
      }
      for (const asker of askers) {
        const more = await asker.unread()
        expect(more.filter(({ event }) => event !== 'command_queued')).toEqual([])
      }
    },
  }
}

test('three processes: 300 commands have 300 effects and 300 answers', async () => {
  running.push(...(await processes(3)))
  const { ask, allIsWell } = await crowd('three')
  await ask()
  await allIsWell()
})

test('commands of a frozen process run at the others when it is killed, and nothing is lost or doubled', async () => {
  const [frozen, ...others] = await processes(3)
  const { askers, ask, allIsWell } = await crowd('frozen')
  frozen!.kill('SIGSTOP')
  await ask()
  await Promise.any(askers.map((asker) => asker.hears('contact_request_sent', ASKED))) // the others go on
  const named = /^a process of the group contacts \(contacts\.\S+\) has not answered for \d+ s$/
  const readyz = async (): Promise<string[]> => (await (await fetch(`${stage.admin}/readyz`)).text()).split('\n')
  while (!(await readyz()).some((line) => named.test(line))) await new Promise((done) => setTimeout(done, 100))
  frozen!.kill('SIGKILL')
  expect(await frozen!.ended).toBe('SIGKILL')
  await allIsWell()
  running.push(...others)
})

test('kill -9 in the middle of the work: 300 effects and 300 answers', async () => {
  const [victim, ...others] = await processes(3)
  const { askers, ask, allIsWell } = await crowd('killed')
  const asking = ask()
  await askers[0]!.hears('contact_request_sent')
  victim!.kill('SIGKILL')
  await asking
  await allIsWell()
  running.push(...others)
})

test('on SIGTERM a process takes nothing new, finishes its commands and exits with 0; the rest waits for the next process', async () => {
  const [last, ...others] = await processes(1)
  for (const one of others) one.kill('SIGTERM')
  expect(await Promise.all(others.map(({ ended }) => ended))).toEqual(others.map(() => 0))

  const { askers, ask, allIsWell } = await crowd('drained')
  const asking = ask()
  await askers[0]!.hears('contact_request_sent')
  last!.kill('SIGTERM')
  expect(await last!.ended).toBe(0)
  await asking
  await processes(1)
  await allIsWell()
})
