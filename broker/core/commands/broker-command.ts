import type { z } from 'zod'
import type { Logger } from '../../../shared/log.ts'
import type { BrokerEventName } from '../../../shared/wire/reserved.ts'
import type { Inbox } from '../inbox/inbox.ts'
import type { Revocations } from '../revocations.ts'
import type { ConnectedDevices } from '../sessions/connected-devices.ts'
import type { DeviceSession, Token } from '../../seam/session.ts'

/** What a command of the broker works with. */
export interface BrokerContext {
  session: DeviceSession
  devices: ConnectedDevices
  revocations: Revocations
  /**
   * Verifies a token. Does not check whether it was revoked or its user banned.
   * @throws with the reason, for the log
   */
  verify: (token: string) => Promise<Token>
  inbox: Inbox
  /** Approximate bytes of an answer, at most. */
  maxBytes: number
  /** Bytes of an answer's fields that the client accepts. */
  largest: number
  log: Logger
}

/** A command about sessions, which the broker answers itself; declared like a handler's. */
export interface BrokerCommand {
  /** Only for tokens whose `role` is `operator`. */
  forOperators: boolean
  /** How many publishes it counts as towards `PUBLISHES_PER_USER`. */
  cost: number
  input: z.ZodType
  /** The event that answers it, and its fields. */
  answer: BrokerEventName
  output: z.ZodType
  /** @throws {Refusal} */
  run(input: unknown, context: BrokerContext): object | Promise<object>
}

export function brokerCommand<Input, Output extends object>(declared: {
  forOperators?: boolean
  cost?: number
  input: z.ZodType<Input>
  answer: BrokerEventName
  output: z.ZodType<Output>
  run(input: Input, context: BrokerContext): Output | Promise<Output>
}): BrokerCommand {
  return { forOperators: false, cost: 1, ...declared }
}
