import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { openFormat } from '../../../broker/core/format.ts'
import { commandRecord } from '../../../broker/core/queue/command-record.ts'
import { openLmdb } from '../../../broker/storage/lmdb.ts'
import { commandName } from '../../../shared/wire/topic.ts'
import { userIdOf } from '../../../shared/wire/user-id.ts'

/** Commands stored in one transaction. */
const A_TIME = 2_000

export interface QueueFill {
  commands: number
  users: number
  /** Bytes of a payload. */
  bytes: number
  /** The command, and its group. */
  name: string
  group: string
}

/** Fills a broker's folder with unfinished commands whose group has no process. */
export async function fillQueue(folder: string, { commands, users, bytes, name, group }: QueueFill): Promise<void> {
  mkdirSync(join(folder, 'broker'), { recursive: true })
  const storage = openLmdb(join(folder, 'broker', 'broker.lmdb'))
  await openFormat(storage, { info: () => {} })
  const records = storage.table('queue', commandRecord)
  const payload = Buffer.from(JSON.stringify({ text: 'x'.repeat(bytes) }))
  const at = Date.now()
  const first = at * 1_024
  for (let from = 0; from < commands; from += A_TIME) {
    await storage.commit((unit) => {
      for (let i = from; i < Math.min(from + A_TIME, commands); i++) {
        const [user, re, order] = [userIdOf(`user-${i % users}`), `c${i}`, first + i]
        const command = {
          id: `${user}/${re}~${order.toString(36)}`,
          order,
          name: commandName(name),
          user,
          client: 'phone',
          payload,
          re,
          at,
          expiresAt: undefined,
          stored: true,
          traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
          correlation: undefined,
          responseTopic: undefined,
        }
        unit.put(records, order, { open: { command, groups: new Map([[group, 0]]) } })
      }
    })
  }
  await storage.close()
}
