import { fileURLToPath } from 'node:url'
import { afterAll } from '@jest/globals'
import { openTurn } from '../../handlers/turn-settings.ts'
import { readConfig } from '../../shared/config.ts'
import { handlerSettings, type PushSettings } from '../../shared/runtime/handler-settings.ts'
import { loadGroup, type Commands } from '../../shared/runtime/scan.ts'
import { userIdOf } from '../../shared/wire/user-id.ts'
import type { Work } from '../counting-store.ts'
import { ownData } from '../own-data.ts'
import { learnToAnswer } from './matchers.ts'
import { Person } from './person.ts'
import { Play, type GotEvent } from './play.ts'
import type { GroupName, InputOf, InternalOf } from './terms.ts'

const HANDLERS = fileURLToPath(new URL('../../handlers', import.meta.url))

const CAST = [
  'alice',
  'bob',
  'carl',
  'dora',
  'eve',
  'finn',
  'gina',
  'hugo',
  'ida',
  'jack',
  'kim',
  'lea',
  'mallory',
] as const

/** A stage with people, who send commands to the groups and receive the events these cause. */
export type Stage<G extends GroupName> = { readonly [Name in (typeof CAST)[number]]: Person<G> } & {
  /** Somebody who is not in the cast. */
  readonly person: (name: string) => Person<G>
  readonly clock: {
    /** Moves the clock forward by so many milliseconds, and runs the `later` commands that fall due. */
    passes(ms: number): Promise<void>
    /** Runs an internal command, as if this user's earlier command had put it off until now. */
    fires<Name extends InternalOf<G>>(whose: Person<G>, command: Name, input: InputOf<G, Name>): Promise<void>
    /** The same, and counts what it makes the store do. */
    costs<Name extends InternalOf<G>>(whose: Person<G>, command: Name, input: InputOf<G, Name>): Promise<Work>
  }
}

/**
 * Serves handler groups inside the test: their real files, runtime and store, without a broker. A command runs at once; when its
 * call resolves, every event it caused has arrived. Call it once, at the top of a test file:
 *
 *     const { alice, bob } = await stage('notes')
 *
 * It leaves out what only the broker does: logins, rights, limits, the queue and its retries, the pace of live events, remembered
 * answers, sessions. `openStage` in ../stage.ts has all of that, and is slower.
 * @param settings override the defaults, by the names of the environment
 * @param push sends push messages, if it is set up
 */
export async function stage<G extends GroupName>(
  groups: G | readonly G[],
  settings: Record<string, string> = {},
  push?: PushSettings,
): Promise<Stage<G>> {
  learnToAnswer()
  const all = await Promise.all([groups].flat().map((group) => loadGroup(HANDLERS, group as string)))
  const commands: Commands = new Map(all.flatMap((group) => [...group]))
  const data = await ownData()
  afterAll(() => data.close())
  const store = await data.store()
  const inboxes = new Map<string, GotEvent[]>()
  const inboxOf = (user: string): GotEvent[] => {
    const inbox = inboxes.get(user) ?? []
    inboxes.set(user, inbox)
    return inbox
  }
  const config = readConfig(settings)
  const turn = openTurn(config)
  if (turn) afterAll(() => turn.close())
  const play = new Play(commands, store, handlerSettings(config, turn, push), {
    deliver: (to, event) => void inboxOf(to).push(event),
    forget(isMeant) {
      for (const events of inboxes.values()) events.splice(0, Infinity, ...events.filter((one) => !isMeant(one)))
    },
  })
  await play.prepare()
  const person = (name: string): Person<G> => new Person(name, play, inboxOf(userIdOf(name)))
  const cast = Object.fromEntries(CAST.map((name) => [name, person(name)])) as Record<(typeof CAST)[number], Person<G>>
  return {
    ...cast,
    person,
    clock: {
      passes: (ms) => play.pass(ms),
      fires: ({ user }, name, input) =>
        play.runInternal({ user, client: 'phone', clients: ['phone'] }, name, input as object),
      costs: ({ user }, name, input) =>
        play.workOf(() => play.runInternal({ user, client: 'phone', clients: ['phone'] }, name, input as object)),
    },
  }
}
