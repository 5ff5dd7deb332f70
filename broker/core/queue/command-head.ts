import type { CommandName } from '../../../shared/wire/topic.ts'
import type { UserId } from '../../../shared/wire/user-id.ts'
import type { Codec, Reader } from '../../storage/record.ts'
import { commandRecord, numberOr, openRecord, readEnded, type Ended } from './command-record.ts'

/** Of a command that is open, what its jobs hold: a start reads a million of them, and leaves the rest on the disk. */
export interface CommandHead {
  readonly open?: OpenHead | undefined
  readonly ended?: Ended | undefined
}

export interface OpenHead {
  readonly id: string
  readonly name: CommandName
  readonly user: UserId
  readonly re: string | undefined
  readonly onlyTo: string | undefined
  readonly at: number
  readonly expiresAt: number | undefined
  readonly internal: boolean
  /** Bytes of its fields, beside its ids. */
  readonly bytes: number
  /** Group to its failed attempts. */
  readonly groups: [group: string, failed: number][]
}

/** Reads what `commandRecord` has written. */
export const commandHead: Codec<CommandHead> = {
  holds: commandRecord.holds,

  encode() {
    throw new Error('a head is only read')
  },

  decode(bytes) {
    const { reader, isOpen, isEnded, isInternal } = openRecord(bytes)
    return {
      open: isOpen ? readHead(reader, isInternal) : undefined,
      ended: isEnded ? readEnded(reader) : undefined,
    }
  },
}

function readHead(reader: Reader, internal: boolean): OpenHead {
  reader.number() // its order, which is its key
  const [id, name, user] = [reader.text(), reader.text() as CommandName, reader.text() as UserId]
  let bytes = reader.skipBytes() + reader.skipMaybe() // client and jti
  const re = reader.maybeText()
  const [at, expiresAt] = [reader.number(), numberOr(reader.number())]
  reader.skipBytes() // traceparent
  bytes += reader.skipMaybe() + reader.skipMaybe() // correlation and response topic
  const onlyTo = reader.maybeText()
  bytes += reader.skipBytes() // payload
  const groups: OpenHead['groups'] = []
  for (let left = reader.count(); left > 0; left--) groups.push([reader.text(), reader.count()])
  return { id, name, user, re, onlyTo, at, expiresAt, internal, bytes, groups }
}
