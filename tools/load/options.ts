import { parseArgs } from 'node:util'
import type { Shape } from './scenarios/echo.ts'

export const SCENARIOS = [
  'echo',
  'pairs',
  'fanout',
  'connect',
  'hold',
  'soak',
  'durable',
  'chat',
  'signal',
  'crowded',
  'queued',
] as const
export type ScenarioName = (typeof SCENARIOS)[number]
/** Left out of `all`: they take minutes. */
export const LONG: readonly ScenarioName[] = ['soak', 'crowded', 'queued']

export const USAGE = `usage: npm run load -- [scenario …] [options]
Loads Switchboard's own processes, and Mosquitto beside it in turn where it is installed (TLS, password file, access list, a plain
mqtt.js back-end). Progress goes to stderr, a table of each scenario to stdout: the medians of all rounds, and the ratio by round.

  echo             commands from devices to handler processes and back (the default)
    --shapes 50x4,20x1,1x1   devices x commands of each that have no answer yet; a run each
    --devices 50 --in-flight 4   the same, of one run
    --rate N         instead: N commands per second, whether they are answered or not
  pairs            messages between two devices on open topics, at QoS 0 and 1
    --pairs 25       couples, of whom one writes to the other
  fanout           messages of one device on an open topic that many hear, at QoS 0 and 1
    --members 300    who hear it
  connect          TLS connections with a login, each new
    --at-once 16     of them
  hold             memory of idle TLS connections with four subscriptions each
    --connections 4000
  chat             messages between two, and to one large group
    --pairs 25 --members 1000
  signal           signals of calls, relayed between two; then of ever more couples, until p99 reaches 100 ms
    --pairs 200      couples, of whom one signals to the other
    --every 200      milliseconds between two signals of a couple
    --most 1600      couples with which the climb ends; each signals every 125 ms then
    --qos0           signals at QoS 0 instead of 1
  crowded          echo commands while 10,000 idle connections are held, and beside it while 1,000 are
    --idle 10000
  queued           echo commands while 1,000,000 commands wait for another group, and beside it while 1,000 do
    --waiting 1000000
  durable          echo commands with the data on the disk of TMPDIR, and beside it with the data in memory (/dev/shm)
  soak             echo commands for minutes, at Switchboard alone; each round is a minute
    --minutes 10
  all              each of these but crowded, queued and soak
options of all
    --rounds 5       laps of each target, in turn
    --seconds 5      of each lap
    --warm-up 30000  commands (messages, deliveries) at each target before the first lap
    --bytes 64       of text in each message
    --in-flight 4    messages of each sender that have not arrived
    --handlers 1     processes of each handler group
    --only NAME      switchboard or mosquitto
    --node PATH      the Node binary of Switchboard's processes
    --json FILE      keeps the figures there, beside those of other scenarios
    --record         keeps them in docs/load.json, which npm run bench compares with, and draws docs/load.svg
    --profile FILE   writes a CPU profile of Switchboard's broker, of one lap more, and prints where it was
`

const text = (value: string) => ({ type: 'string', default: value }) as const
const flag = { type: 'boolean', default: false } as const
const given = { type: 'string' } as const
const COUNTS = {
  'in-flight': text('4'),
  'at-once': text('16'),
  connections: text('4000'),
  idle: text('10000'),
  waiting: text('1000000'),
  every: text('200'),
  most: text('1600'),
  minutes: text('10'),
  rounds: text('5'),
  seconds: text('5'),
  'warm-up': text('30000'),
  bytes: text('64'),
  handlers: text('1'),
  devices: given,
  rate: given,
  pairs: given,
  members: given,
} as const
const OPTIONS = {
  ...COUNTS,
  shapes: text('50x4,20x1,1x1'),
  qos0: flag,
  only: given,
  node: given,
  json: given,
  record: flag,
  profile: given,
  help: { type: 'boolean', short: 'h', default: false },
} as const

export interface Options {
  scenarios: ScenarioName[]
  shapes: Shape[]
  /** Of the counts by their names; those that a scenario has a default of its own for may be missing. */
  counts: Partial<Record<'devices' | 'rate' | 'pairs' | 'members', number>> &
    Record<Exclude<keyof typeof COUNTS, 'devices' | 'rate' | 'pairs' | 'members'>, number>
  qos0: boolean
  only: string | undefined
  node: string | undefined
  json: string | undefined
  record: boolean
  profile: string | undefined
}

/** @returns undefined when help is asked for @throws with the usage when something is wrong */
export function readOptions(args: string[]): Options | undefined {
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options: OPTIONS })
  if (values.help) return undefined
  const counts = Object.fromEntries(
    Object.keys(COUNTS).flatMap((name) => {
      const value = values[name as keyof typeof COUNTS]
      return value === undefined ? [] : [[name, whole(`--${name}`, value)]]
    }),
  ) as Options['counts']
  const { shapes, qos0, only, node, json, record, profile } = values
  if (![undefined, 'switchboard', 'mosquitto'].includes(only)) throw wrong(`--only ${only}`)
  const scenarios = positionals.includes('all')
    ? SCENARIOS.filter((name) => !LONG.includes(name))
    : (positionals as ScenarioName[])
  const unknown = scenarios.find((name) => !SCENARIOS.includes(name))
  if (unknown !== undefined) throw wrong(unknown)
  const own = counts.devices === undefined ? undefined : [{ devices: counts.devices, open: counts['in-flight'] }]
  return {
    scenarios: scenarios.length > 0 ? scenarios : ['echo'],
    shapes: own ?? shapes.split(',').map(shapeOf),
    counts,
    qos0,
    only,
    node,
    json,
    record,
    profile,
  }
}

function shapeOf(text: string): Shape {
  const [devices = '', open = ''] = text.split('x')
  return { devices: whole('--shapes', devices), open: whole('--shapes', open) }
}

function whole(name: string, text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw wrong(`${name} ${text}`)
  return value
}

function wrong(what: string): Error {
  return new Error(`${what} is not understood\n${USAGE}`)
}
