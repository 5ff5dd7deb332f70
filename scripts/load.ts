import { parseArgs } from 'node:util'
import { loadChat } from './load/load-chat.ts'
import { loadEcho } from './load/load-echo.ts'
import { loadSignal } from './load/load-signal.ts'

// npm run load: what devices, broker and handler processes do together, side by side with what is installed here.

const USAGE = `usage: npm run load -- [echo | chat | signal] [options]
  echo             commands from devices to handler processes and back
    --devices 50     connected devices
    --in-flight 4    unanswered commands of each device
    --bytes 64       of text in each command
    --rounds 1       rounds of each target, taken in turn; the medians are compared
  chat             messages between two, and to one large group
    --pairs 25       couples, of whom one writes to the other
    --in-flight 4    messages of a couple that have not arrived
    --members 1000   of the group
    --messages 30    to the group, one after another
  signal           signals of calls, relayed between two; then of ever more couples, until p99 reaches 100 ms
    --pairs 200      couples, of whom one signals to the other
    --every 200      milliseconds between two signals of a couple
    --most 1600      couples with which the climb ends; each signals every 125 ms then
    --qos0           signals at QoS 0 instead of 1
  all
    --seconds 10     measured, after two of warming up
    --handlers 1     handler processes
    --only NAME      switchboard or mosquitto
`

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      devices: { type: 'string', default: '50' },
      'in-flight': { type: 'string', default: '4' },
      seconds: { type: 'string', default: '10' },
      handlers: { type: 'string', default: '1' },
      bytes: { type: 'string', default: '64' },
      rounds: { type: 'string', default: '1' },
      pairs: { type: 'string' },
      members: { type: 'string', default: '1000' },
      messages: { type: 'string', default: '30' },
      every: { type: 'string', default: '200' },
      most: { type: 'string', default: '1600' },
      qos0: { type: 'boolean', default: false },
      only: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) return void process.stdout.write(USAGE)
  const [kind = 'echo'] = positionals
  const { only, qos0, help: _help, ...given } = values
  const counts = { ...given, pairs: given.pairs ?? (kind === 'signal' ? '200' : '25') }
  const whole = Object.entries(counts).map(([name, text]): [string, number] => [name, Number(text)])
  const isWrong = whole.some(([, value]) => !Number.isInteger(value) || value < 1)
  if (isWrong || ![undefined, 'switchboard', 'mosquitto'].includes(only)) throw new Error(USAGE)
  const of = (name: keyof typeof counts): number => Number(counts[name])
  const inFlight = of('in-flight')
  const seconds = of('seconds')
  process.stdout.write(`${kind} ${JSON.stringify(Object.fromEntries(whole))}\n`)
  if (kind === 'echo') {
    const load = { devices: of('devices'), inFlight, seconds, payloadBytes: of('bytes') }
    return loadEcho(load, of('handlers'), of('rounds'), only)
  }
  if (kind === 'signal') {
    const load = { pairs: of('pairs'), every: of('every'), most: of('most'), qos: qos0 ? 0 : 1, seconds } as const
    return loadSignal(load, of('handlers'), only)
  }
  if (kind !== 'chat') throw new Error(USAGE)
  const load = { pairs: of('pairs'), inFlight, seconds, members: of('members'), messages: of('messages') }
  return loadChat(load, of('handlers'), only)
}

main().catch((err: Error) => {
  process.stderr.write(`${err.message}\n`)
  process.exit(1)
})
