import type { Storage, Unit } from '../../storage/storage.ts'
import type { SessionQueue } from './session-queue.ts'

/** Steps removed with one unit, at most. */
const AT_ONCE = 1_000
/** Marks a number that has gone. */
const GONE = 0

/**
 * How far each session has come, as it is stored: a cursor, up to which all messages have gone, and a step for each later message
 * that has gone or is half done. So an acknowledgement rarely causes a write of its own.
 */
export class Progress {
  readonly #storage
  readonly #cursors
  /** By the session's serial number and the message's number: `GONE`, or the message id when a PUBREL is due. */
  readonly #steps

  constructor(storage: Storage) {
    this.#storage = storage
    this.#cursors = storage.table<number>('cursors')
    this.#steps = storage.table<number>('steps')
  }

  /** Reads the stored progress of these sessions, and removes that of others. */
  read(sessions: ReadonlyMap<number, SessionQueue>) {
    const gone = new Map<SessionQueue, Set<number>>()
    for (const { key, value } of this.#cursors.entries()) {
      const session = sessions.get(Number(key))
      if (!session) {
        this.#storage.eventually((unit) => unit.remove(this.#cursors, key))
        continue
      }
      session.passed = session.last = value
    }
    for (const { key, value } of this.#steps.entries()) {
      const [serial, number] = key as [string, number]
      const session = sessions.get(Number(serial))
      if (!session) {
        this.#storage.eventually((unit) => unit.remove(this.#steps, key))
        continue
      }
      session.hasSkipped = true
      if (number <= session.passed) continue
      const numbers = gone.get(session)
      if (numbers) numbers.add(number)
      else gone.set(session, new Set([number]))
      session.last = Math.max(session.last, number)
      if (value === GONE) continue
      session.release(number, value)
    }
    return {
      /** The last number that any of them was given and that is stored with it. */
      last: [...sessions.values()].reduce((most, { last }) => Math.max(most, last), 0),
      /** True when this message still waits for the session. */
      waits: (session: SessionQueue, number: number): boolean =>
        number > session.passed && !(session.hasSkipped && gone.get(session)?.has(number)),
      forget: (): void => gone.clear(),
    }
  }

  store(unit: Unit, session: SessionQueue): void {
    const { cursor, skipped } = session
    unit.put(this.#cursors, session.serial, cursor)
    if (skipped.length > 0) {
      session.skipped = []
      for (const number of skipped) if (number > cursor) unit.put(this.#steps, keyOf(session, number), GONE)
      unit.otherwise(() => session.skipped.push(...skipped))
    }
    if (session.hasSkipped) this.#tidy(unit, session, cursor)
    session.hasSkipped ||= skipped.length > 0
  }

  /** The client has a QoS 2 message, whose PUBREL is due. */
  released(unit: Unit, session: SessionQueue, number: number, messageId: number): void {
    session.hasSkipped = true
    unit.put(this.#steps, keyOf(session, number), messageId)
  }

  /** Removes the progress of a session that has ended. */
  remove(unit: Unit, session: SessionQueue): void {
    unit.remove(this.#cursors, session.serial)
    if (session.hasSkipped || session.skipped.length > 0)
      for (const key of this.#stepsOf(session)) unit.remove(this.#steps, key)
  }

  /** Removes steps that the cursor has passed. */
  #tidy(unit: Unit, session: SessionQueue, cursor: number): void {
    let count = 0
    session.hasSkipped = false
    for (const key of this.#stepsOf(session)) {
      session.hasSkipped = true
      if (key[1] > cursor || ++count > AT_ONCE) return
      unit.remove(this.#steps, key)
    }
  }

  *#stepsOf(session: SessionQueue): Generator<readonly [string, number]> {
    const serial = String(session.serial)
    for (const { key } of this.#steps.entries([serial, 0])) {
      const [its, number] = key as [string, number]
      if (its !== serial) return
      yield [its, number]
    }
  }
}

function keyOf({ serial }: SessionQueue, number: number): readonly [string, number] {
  return [String(serial), number]
}
