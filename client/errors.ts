import type { Events } from './contract.ts'

/** Why a command was refused, or failed. */
export type Code = Events['command_rejected']['code']

/** The platform refused the command. */
export class Rejected extends Error {
  override readonly name = 'Rejected'
  readonly command: string
  readonly code: Code
  /** What is wrong with which field. */
  readonly fields: Readonly<Record<string, string>>
  /** When to try again, if later. */
  readonly retryAfterMs: number | undefined

  constructor({ command, code, message, fields = {}, retry_after_ms }: Events['command_rejected']) {
    super(`${command}: ${message}`)
    this.command = command
    this.code = code
    this.fields = fields
    this.retryAfterMs = retry_after_ms
  }
}

/** The platform gave up on the command after several attempts. It has had no effect that others saw. */
export class Failed extends Error {
  override readonly name = 'Failed'
  readonly command: string
  readonly code: Code

  constructor({ command, code, message }: Events['command_failed']) {
    super(`${command}: ${message}`)
    this.command = command
    this.code = code
  }
}

/** There was no answer within the `timeout` of the call. The command stays in the outbox, and its answer is still an event. */
export class Timeout extends Error {
  override readonly name = 'Timeout'
  readonly command: string
  readonly id: string

  constructor(command: string, id: string) {
    super(`${command}: no answer in time; the command stays in the outbox`)
    this.command = command
    this.id = id
  }
}

/**
 * The command was sent, its answer is lost, and it is too old to be sent again without the risk of a second effect. Look at the
 * state of your app, then send it anew if need be.
 */
export class Uncertain extends Error {
  override readonly name = 'Uncertain'
  readonly command: string
  readonly id: string

  constructor(command: string, id: string) {
    super(`${command}: whether it took effect is not known; check before you send it again`)
    this.command = command
    this.id = id
  }
}

/** The board was closed before the answer came. A command that is kept goes out when the outbox is opened again. */
export class Closed extends Error {
  override readonly name = 'Closed'

  constructor(message = 'the board is closed') {
    super(message)
  }
}

/** The outbox could not store the command, so it was not sent. `cause` says why. */
export class NotStored extends Error {
  override readonly name = 'NotStored'
  readonly command: string

  constructor(command: string, cause: unknown) {
    super(`${command}: the outbox could not store it, so it was not sent`, { cause })
    this.command = command
  }
}
