import { readFileSync } from 'node:fs'
import { connect } from 'mqtt'

// The back-end beside a plain broker: takes from a shared subscription, answers on the device's own topic.

const [url = '', caFile = '', username = '', password = ''] = process.argv.slice(2)
const client = connect(url, { protocolVersion: 5, ca: readFileSync(caFile), username, password })
client.on('message', (topic, payload) => {
  const { id, text } = JSON.parse(payload.toString()) as { id: string; text: string }
  const body = JSON.stringify({ re: id, at: new Date().toISOString(), text })
  client.publish(`event/${topic.split('/')[1]}/echoed`, body, { qos: 1 })
})
client.on('connect', () => {
  if ('setNoDelay' in client.stream) (client.stream as unknown as { setNoDelay(on: boolean): void }).setNoDelay(true)
  client.subscribe('$share/load/command/+/echo', { qos: 1 }, () => process.send?.({ ready: true }))
})
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0))
process.on('disconnect', () => process.exit(0))
