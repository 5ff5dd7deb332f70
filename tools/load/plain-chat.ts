import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'mqtt'
import { openSqliteFile } from '../../shared/store/sqlite-file.ts'

// The back-end beside a plain broker: stores each message in SQLite, fsynced, and passes it on. It believes who its sender is.

const [url = '', caFile = '', username = '', password = '', dir = ''] = process.argv.slice(2)
const db = openSqliteFile(join(dir, 'chat.db'))
db.use((sql) => sql.run('CREATE TABLE messages (id TEXT PRIMARY KEY, conversation TEXT, body TEXT) WITHOUT ROWID'))
const groups = new Map<string, string[]>()

const client = connect(url, { protocolVersion: 5, ca: readFileSync(caFile), username, password })
const tell = (user: string, event: string, fields: object): void =>
  void client.publish(`event/${user}/${event}`, JSON.stringify(fields), { qos: 1 })

interface Sent {
  to?: string
  group_id?: string
  body?: string
  members?: string[]
}

client.on('message', (topic, payload) => {
  const [, from = '', command] = topic.split('/')
  const { to, group_id, body = '', members } = JSON.parse(payload.toString()) as Sent
  if (command === 'create_group') {
    const id = randomUUID()
    groups.set(id, [from, ...members!])
    return tell(from, 'group_updated', { group_id: id })
  }
  const message_id = randomUUID()
  const others = to === undefined ? groups.get(group_id!)! : [from, to]
  db.use((sql) => sql.run('INSERT INTO messages VALUES (?, ?, ?)', [message_id, to ?? group_id!, body]))
  tell(from, 'message_sent', { message_id })
  for (const other of others) tell(other, 'message_received', { message_id, from, to, group_id, body, at: new Date() })
})
client.on('connect', () => {
  if ('setNoDelay' in client.stream) (client.stream as unknown as { setNoDelay(on: boolean): void }).setNoDelay(true)
  client.subscribe('$share/chat/command/+/+', { qos: 1 }, () => process.send?.({ ready: true }))
})
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0))
process.on('disconnect', () => process.exit(0))
