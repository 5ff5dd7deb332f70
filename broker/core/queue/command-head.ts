import type { CommandName } from '../../../shared/wire/topic.ts'
import type { UserId } from '../../../shared/wire/user-id.ts'
import type { Decoder, Reader } from '../../storage/record.ts'
import type { Texts } from '../../storage/texts.ts'
import { commandRecord, numberOr, openRecord } from './command-record.ts'

/** The part of a command's record that memory holds. A start reads a million of these and leaves the rest on the disk. */
export interface CommandHead {
  readonly open?: OpenHead | undefined
  readonly ended?: EndedHead | undefined
}

/** An ended command: the key of its id, until when it is remembered, and the bytes of its answer. */
export interface EndedHead {
  readonly key: string
  readonly until: number
  readonly answer: number
}

export interface OpenHead {
  /** The id of a replayed dead letter, whose order differs from the one in its id. */
  readonly revivedId: string | undefined
  readonly name: CommandName
  readonly user: UserId
  readonly re: string | undefined
  readonly onlyTo: string | undefined
  readonly at: number
  readonly expiresAt: number | undefined
  readonly internal: boolean
  /** Bytes of its fields besides its ids. */
  readonly bytes: number
  /** The groups that have not ended it, and the failed attempts of each. */
  readonly groups: readonly string[]
  readonly failed: readonly number[]
}

/** Reads what `commandRecord` has written. */
export function commandHead(texts: Texts): Decoder<CommandHead> {
  return {
    holds: commandRecord.holds,
    keepsNoBytes: true,

    decode(bytes) {
      const { reader, isOpen, isEnded, isInternal } = openRecord(bytes)
      return {
        open: isOpen ? readHead(reader, isInternal, texts) : undefined,
        ended: isEnded ? readEndedHead(reader) : undefined,
      }
    },
  }
}

function readHead(reader: Reader, internal: boolean, texts: Texts): OpenHead {
  const revivedId = reader.textUnless(reader.number())
  const [name, user] = [reader.textOf(texts) as CommandName, reader.textOf(texts) as UserId]
  let bytes = reader.skipBytes() + reader.skipMaybe() // client and jti
  const re = reader.maybeText()
  const [at, expiresAt] = [reader.number(), numberOr(reader.number())]
  reader.skipBytes() // traceparent
  bytes += reader.skipMaybe() + reader.skipMaybe() // correlation and response topic
  const onlyTo = reader.maybeText()
  bytes += reader.skipBytes() // payload
  const [groups, failed]: [string[], number[]] = [[], []]
  for (let left = reader.count(); left > 0; left--) {
    groups.push(reader.textOf(texts))
    failed.push(reader.count())
  }
  return { revivedId, name, user, re, onlyTo, at, expiresAt, internal, bytes, groups, failed }
}

function readEndedHead(reader: Reader): EndedHead {
  const key = reader.text()
  reader.skipBytes() // digest
  const until = reader.number()
  reader.skipMaybe() // again
  return { key, until, answer: reader.skipMaybe() }
}
