import { readFileSync } from 'node:fs'
import { connect } from 'mqtt'

// The back-end beside a plain broker: passes each signal on, as often as it comes. It asks nobody who may reach whom, and
// believes who its sender is.

const [url = '', caFile = '', username = '', password = ''] = process.argv.slice(2)
const client = connect(url, { protocolVersion: 5, ca: readFileSync(caFile), username, password })
client.on('message', (topic, payload, { qos }) => {
  const origin = topic.split('/')[1]!
  const { target, type, body } = JSON.parse(payload.toString()) as { target: string; type: string; body: unknown }
  const at = new Date().toISOString()
  client.publish(`event/${origin}/signal_relayed`, JSON.stringify({ target, type, at }), { qos })
  client.publish(`event/${target}/signal`, JSON.stringify({ origin, type, body, at }), { qos })
})
client.on('connect', () => {
  if ('setNoDelay' in client.stream) (client.stream as unknown as { setNoDelay(on: boolean): void }).setNoDelay(true)
  client.subscribe('$share/signal/command/+/signal', { qos: 1 }, () => process.send?.({ ready: true }))
})
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0))
process.on('disconnect', () => process.exit(0))
