/** Why a command was refused, as devices are told. The set is closed, because clients switch on it. */
export const CODES = [
  'bad_payload',
  'unknown_command',
  'forbidden',
  'not_found',
  'conflict',
  'rate_limited',
  'too_large',
  'unavailable',
  'timeout',
  'offline',
  'hash_mismatch',
  'internal',
] as const
export type Code = (typeof CODES)[number]

/** What is wrong, by field name. */
export type FieldErrors = Record<string, string>

const MESSAGES: Record<Code, string> = {
  bad_payload: 'the payload is not what this command takes',
  unknown_command: 'there is no such command',
  forbidden: 'not allowed',
  not_found: 'not found',
  conflict: 'this conflicts with what was sent or stored before',
  rate_limited: 'too many, try again later',
  too_large: 'the payload is too large',
  unavailable: 'not available now, try again later',
  timeout: 'it took too long',
  offline: 'the other side is not connected',
  hash_mismatch: 'the content does not match its hash',
  internal: 'something went wrong on our side',
}

/** Refuses a command for a reason that its sender may know. They see the message, so it must hold no secret. */
export class Refusal extends Error {
  override name = 'Refusal'
  readonly code: Code
  readonly fields?: FieldErrors
  readonly retryAfterMs?: number
  constructor(code: Code, more: { message?: string; fields?: FieldErrors; retryAfterMs?: number } = {}) {
    super(more.message ?? MESSAGES[code])
    this.code = code
    if (more.fields) this.fields = more.fields
    if (more.retryAfterMs !== undefined) this.retryAfterMs = more.retryAfterMs
  }
}

/**
 * Something that a command needs is not available now, such as a database. The command is retried, without counting attempts, until
 * it has waited as long as for an absent group.
 */
export class Unavailable extends Error {
  override name = 'Unavailable'
  /** Whether the source of the error has logged that it is unavailable, and will log when it is back. */
  readonly isTold: boolean
  constructor(message: string, { isTold = false, ...options }: ErrorOptions & { isTold?: boolean } = {}) {
    super(message, options)
    this.isTold = isTold
  }
}

/**
 * A data file is damaged. What depends on it waits until an operator has restored the file, which the message names.
 * See docs/operate/damaged-files.md.
 */
export class Damaged extends Unavailable {
  override name = 'Damaged'
  constructor(file: string, what: string, options: ErrorOptions & { isTold?: boolean } = {}) {
    super(`${file} is damaged: ${what}; restore it (docs/operate/damaged-files.md)`, options)
  }
}

/** Makes the refusal for a handler to throw: `throw refuse('bad_payload', { up_to: 'is after the last message' })`. */
export function refuse(code: Code, fields?: FieldErrors, message?: string): Refusal {
  return new Refusal(code, { ...(fields && { fields }), ...(message !== undefined && { message }) })
}

/** The fields of `command_rejected` and `command_failed` (DESIGN: Payloads). */
export function refusalFields(command: string, refusal: Refusal): Record<string, unknown> {
  return {
    command,
    code: refusal.code,
    message: refusal.message,
    ...(refusal.fields && { fields: refusal.fields }),
    ...(refusal.retryAfterMs !== undefined && { retry_after_ms: refusal.retryAfterMs }),
  }
}
