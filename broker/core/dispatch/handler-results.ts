import type { Logger } from '../../../shared/log.ts'
import type { Said } from '../../../shared/wire/done.ts'
import { refuse, Refusal } from '../../../shared/wire/refusal.ts'
import type { HandlerSession } from '../../seam/session.ts'
import { checkEvent } from '../events/handler-event.ts'
import type { Delivery } from '../reach.ts'
import { rejection } from './answers.ts'
import type { Completion } from './completion.ts'
import type { Group } from './group.ts'
import type { Rules } from './rules.ts'

export interface ResultPorts {
  rules: Rules
  completion: Completion
  group(name: string): Group
  log: Logger
}

/** What handlers report about the commands that they hold: done, refused, retry, or a plain PUBACK. */
export class HandlerResults {
  readonly #ports: ResultPorts

  constructor(ports: ResultPorts) {
    this.#ports = ports
  }

  /** A PUBACK: the plain way to complete a delivery at QoS 1. */
  async acknowledged(session: HandlerSession, delivery: Delivery, reasonCode: number): Promise<void> {
    const { attempt, order, 'command-id': id } = delivery.stamp
    const group = this.#ports.group(session.group)
    const job = group.held(session, id, Number(attempt))
    if (job?.order !== Number(order)) return // a replayed dead letter has its old id, but another order
    if (reasonCode >= 0x80) {
      job.error = { name: 'Refused', message: `the handler's PUBACK has the reason code 0x${reasonCode.toString(16)}` }
      group.retry(job, 'internal')
    } else await this.#ports.completion.byHandler(job, { events: [] })
  }

  /**
   * A handler reports the result of a delivery. Resolves when the end is stored. A result that comes too late, or from a
   * handler that does not hold the command, changes nothing.
   * @throws {Refusal} `forbidden` or `bad_payload` when the handler's key does not allow an event; the attempt has then failed
   */
  settle(session: HandlerSession, done: Said): void | Promise<void> {
    const { rules, completion, log } = this.#ports
    const group = this.#ports.group(session.group)
    const job = group.held(session, done.command, done.attempt)
    if (!job) {
      return log.debug(
        { command: done.command, group: session.group },
        'ignored the result of a command that this handler does not hold; it came too late',
      )
    }
    if (done.outcome === 'retry') {
      job.error = done.error
      const { code, reason = 'something that it needs is unavailable', damaged = false } = done
      return group.retry(job, code, code === 'unavailable' ? { lack: { reason, damaged } } : {})
    }
    const { events = [], later } = done
    const forget = 'forget' in done ? done.forget : undefined
    try {
      for (const event of events) checkEvent(session, event)
      for (const one of forget ?? []) for (const event of one.events) checkEvent(session, { event, fields: {} })
      const foreign = later?.find(({ command }) => !rules.isLater(command, session.group))?.command
      if (foreign !== undefined) {
        throw refuse('forbidden', undefined, `the key of ${session.group} does not open the later command ${foreign}`)
      }
    } catch (err) {
      this.fail(session, done.command, done.attempt, (err as Error).message)
      throw err
    }
    const { name } = job
    if (done.outcome === 'refused' && job.isInternal) {
      const [command, id] = [name, done.command]
      log.warn(
        { command, id, code: done.code },
        'a handler refused an internal command of the broker; no client is told, since none sent it',
      )
    }
    if (done.outcome === 'done' || job.isInternal) return completion.byHandler(job, { events, later, forget })
    const refusal = new Refusal(done.code, {
      message: done.message,
      ...(done.fields && { fields: done.fields }),
      ...(done.retry_after_ms !== undefined && { retryAfterMs: done.retry_after_ms }),
    })
    return completion.byHandler(job, { events: [rejection(job, refusal), ...events], later })
  }

  /** Fails the attempt whose result was refused; otherwise the command would wait for its time limit. */
  fail(session: HandlerSession, command: string, attempt: number | undefined, why: string): void {
    const group = this.#ports.group(session.group)
    const job = group.held(session, command, attempt)
    if (!job) return
    job.error = { name: 'Refused', message: why.slice(0, 500) }
    group.retry(job, 'internal')
  }
}
