import { ConfigError } from '../../shared/config.ts'
import type { Logger } from '../../shared/log.ts'
import { inboxRecord, type InboxEvent } from './format-2-inbox.ts'
import { KEPT_BASE, moveKept } from './format-3.ts'
import { inSteps, moveSome } from './format-steps.ts'
import { commandRecord, encodeAnswer, type Ended } from './queue/command-record.ts'
import { keyOf } from './queue/command-key.ts'
import type { TimedEvent } from './events/events.ts'
import type { Command } from '../seam/session.ts'
import type { Storage } from '../storage/storage.ts'

/**
 * The format of the stored data. 1: commands, answers (under their ids) and the inbox as MessagePack. 2: one binary record for a command
 * and its answer, under the command's order, and one for each event of the inbox. 3: one record for an event, whatever inboxes and
 * sessions hold it, and each session's progress.
 */
export const FORMAT = 3
/** Records moved in one transaction, at most. */
const MOVED_AT_ONCE = 500
/** Answers without a command get orders below this, which no command has: commands are numbered in 1/1024 ms since 1970. */
const FREE_ORDERS = 2 ** 40

interface OldCommand {
  command: Command
  groups: Record<string, number>
}
interface OldAnswer {
  digest: string
  until: number
  answer?: TimedEvent | undefined
  again?: string
}

/**
 * Converts data of an older version to this version's format, a bounded number of records at a time. Each record is written in the
 * transaction that removes its old form, so that a start that was killed is completed by the next.
 * @throws {ConfigError} when a newer version has stored it
 */
export async function openFormat(storage: Storage, log: Pick<Logger, 'info'>, atOnce = MOVED_AT_ONCE): Promise<void> {
  const meta = storage.table<number>('meta')
  const found = formatOf(storage)
  if (found > FORMAT) {
    throw new ConfigError(
      `DATA_DIR: a newer version has stored the broker's data: in format ${found}, and this one knows formats up to ${FORMAT}. Start that version, or restore a backup that this one made`,
    )
  }
  if (found === FORMAT) return
  let moved = 0
  for (const move of [moveCommands, moveAnswers, moveInbox, moveKept]) moved += await move(storage, atOnce)
  await storage.commit((unit) => {
    unit.put(meta, 'format', FORMAT)
    unit.remove(meta, KEPT_BASE)
  })
  if (moved > 0)
    log.info(
      { from: found, to: FORMAT, records: moved },
      'converted the stored data of an older version to the format of this one',
    )
}

/** The format of what is stored. Data without a mark are of the first one. */
export const formatOf = (storage: Storage): number => storage.table<number>('meta').get('format') ?? 1

async function moveCommands(storage: Storage, atOnce: number): Promise<number> {
  const old = storage.table<OldCommand>('commands')
  const answers = storage.table<OldAnswer>('answers')
  const records = storage.table('queue', commandRecord)
  return inSteps(storage, atOnce, (unit) => {
    return moveSome(old.entries(), atOnce, ({ key, value: { command, groups } }) => {
      const id = keyOf(command)
      const answer = id === undefined ? undefined : answers.get(id)
      // An answer here means that the owner has ended the command and others have not, unless it is to run `again`.
      const ended = answer && answer.again === undefined ? endedOf(id!, answer) : undefined
      unit.put(records, command.order, { open: { command, groups: new Map(Object.entries(groups)) }, ended })
      unit.remove(old, key)
      if (ended) unit.remove(answers, id!)
    })
  })
}

async function moveAnswers(storage: Storage, atOnce: number): Promise<number> {
  const old = storage.table<OldAnswer>('answers')
  const records = storage.table('queue', commandRecord)
  let order = 0
  for (const { key } of records.entries()) {
    if (Number(key) >= FREE_ORDERS) break
    order = Number(key)
  }
  return inSteps(storage, atOnce, (unit) => {
    return moveSome(old.entries(), atOnce, ({ key, value }) => {
      unit.put(records, ++order, { ended: endedOf(String(key), value) })
      unit.remove(old, key)
    })
  })
}

async function moveInbox(storage: Storage, atOnce: number): Promise<number> {
  const old = storage.table<InboxEvent>('inbox')
  const records = storage.table('kept', inboxRecord)
  return inSteps(storage, atOnce, (unit) => {
    return moveSome(old.entries(), atOnce, ({ key, value }) => {
      unit.put(records, key, value)
      unit.remove(old, key)
    })
  })
}

function endedOf(key: string, { digest, until, answer, again }: OldAnswer): Ended {
  return { key, digest, until, again, answer: answer && encodeAnswer(answer) }
}
