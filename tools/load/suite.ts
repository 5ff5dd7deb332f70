import type { Run } from './figures.ts'
import { measure, progress, type Measuring, type Scenario } from './measure.ts'
import { openMosquitto } from './mosquitto.ts'
import type { Options, ScenarioName } from './options.ts'
import { chat, groupChat } from './scenarios/chat.ts'
import { connect } from './scenarios/connect.ts'
import { crowded } from './scenarios/crowded.ts'
import { echo, echoAt } from './scenarios/echo.ts'
import { hold } from './scenarios/hold.ts'
import { fanout, pairs } from './scenarios/open-topics.ts'
import { signal } from './scenarios/signal.ts'
import { soak } from './scenarios/soak.ts'
import { openSwitchboard } from './switchboard.ts'
import type { Back, Target } from './target.ts'

const IN_MEMORY = '/dev/shm'
/** The climb of signals: couples at first, milliseconds between two signals of a couple, and the p99 at which it ends. */
const [FIRST, CLIMB_EVERY, MAX_P99] = [100, 125, 100]
/** Idle connections, or waiting commands, that many of them are compared with. */
const FEW = 1_000
const BACKS: Partial<Record<ScenarioName, Back[]>> = {
  echo: ['echo'],
  soak: ['echo'],
  crowded: ['echo'],
  queued: ['echo'],
  durable: ['echo'],
  chat: ['chat'],
  signal: ['signal'],
}

/** Runs a scenario on targets of its own. */
export async function* runsOf(name: ScenarioName, options: Options, measuring: Measuring): AsyncGenerator<Run> {
  const targets = await openTargets(name, options)
  try {
    if (name === 'hold') yield await hold(options.counts.connections, targets, measuring.rounds)
    else if (name === 'crowded')
      yield await crowded([options.counts.idle, FEW], targets, options.counts.bytes, measuring)
    else if (name === 'soak') yield await soak(options.counts.minutes, targets[0]!, measuring.warmUp)
    else for (const scenario of scenariosOf(name, options)) yield await measure(scenario, targets, measuring)
    if (name === 'signal') yield* climb(targets, options, measuring)
  } finally {
    await Promise.all(targets.map((target) => target.close()))
  }
}

async function openTargets(name: ScenarioName, { counts, only, node, profile }: Options): Promise<Target[]> {
  const options = { backs: BACKS[name] ?? [], handlers: counts.handlers, node }
  if (name === 'crowded') {
    const crowds = [counts.idle, FEW].map((count) => openSwitchboard({ ...options, name: `${count} idle` }))
    return await Promise.all(crowds)
  }
  if (name === 'queued') {
    const [many, few] = [counts.waiting, FEW].map((waiting) => ({ ...options, waiting, name: `${waiting} waiting` }))
    return [await openSwitchboard(many!), await openSwitchboard(few!)]
  }
  const targets: Target[] = []
  if (only !== 'mosquitto') targets.push(await openSwitchboard({ ...options, profiled: profile !== undefined }))
  if (name === 'durable') {
    return [...targets, await openSwitchboard({ ...options, folder: IN_MEMORY, name: 'in memory' })]
  }
  if (only === 'switchboard' || name === 'soak') return targets
  const beside = await openMosquitto(options)
  if (!beside) progress('Mosquitto is not installed here, so nothing is compared with it')
  return [...targets, ...(beside ? [beside] : [])]
}

function scenariosOf(name: ScenarioName, { counts, shapes, qos0 }: Options): Scenario[] {
  const { bytes, 'in-flight': open } = counts
  switch (name) {
    case 'queued':
      return [{ ...echo({ devices: 50, open: 4 }, bytes), name: 'queued' }]
    case 'echo':
      if (counts.rate) return [echoAt(counts.rate, counts.devices ?? 50, bytes)]
      return shapes.map((shape) => echo(shape, bytes))
    case 'durable':
      return shapes.map((shape) => ({ ...echo(shape, bytes), name: `durable ${shape.devices}x${shape.open}` }))
    case 'pairs':
      return ([0, 1] as const).map((qos) => pairs(counts.pairs ?? 25, open, bytes, qos))
    case 'fanout':
      return ([0, 1] as const).map((qos) => fanout(counts.members ?? 300, open, bytes, qos))
    case 'connect':
      return [connect(counts['at-once'])]
    case 'chat':
      return [chat(counts.pairs ?? 25, open, bytes), groupChat(counts.members ?? 1_000, bytes)]
    case 'signal':
      return [signal(counts.pairs ?? 200, counts.every, qos0 ? 0 : 1)]
    default:
      return []
  }
}

/** Signals of ever more couples at each target alone, until they come too late. */
async function* climb(
  targets: readonly Target[],
  { counts, qos0 }: Options,
  measuring: Measuring,
): AsyncGenerator<Run> {
  for (const target of targets) {
    let highest = 0
    for (let couples = FIRST; couples <= counts.most; couples *= 2) {
      const scenario = signal(couples, CLIMB_EVERY, qos0 ? 0 : 1)
      const name = `signal climb ${couples}, ${target.name}`
      const run = await measure({ ...scenario, name }, [target], { ...measuring, rounds: 1 })
      yield run
      const { p99 = Infinity, faults = 0 } = run.rounds[0]![0]!
      if (!(p99 < MAX_P99) || faults > 0) break
      highest = couples
    }
    progress(`signal: ${target.name}: up to ${highest} pairs have a p99 below ${MAX_P99} ms`)
  }
}
