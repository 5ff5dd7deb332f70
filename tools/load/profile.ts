import { once } from 'node:events'
import { WebSocket } from 'ws'
import { ROOT } from './processes.ts'

/** Looks into a process through Node's inspector. */
export interface Profiler {
  start(): Promise<void>
  stop(): Promise<CpuProfile>
}

/** As Chrome's developer tools read it. */
export interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[]
  samples: number[]
  /** Microseconds before each sample. */
  timeDeltas: number[]
}

/** Microseconds between two samples. */
const INTERVAL = 500

/** @param url that Node says it listens at */
export async function openProfiler(url: string): Promise<Profiler> {
  const socket = new WebSocket(url)
  await once(socket, 'open')
  let serial = 0
  async function call(method: string, params: object = {}): Promise<unknown> {
    const id = ++serial
    socket.send(JSON.stringify({ id, method, params }))
    for (;;) {
      const [data] = (await once(socket, 'message')) as [Buffer]
      const answer = JSON.parse(data.toString()) as { id?: number; result?: unknown; error?: { message: string } }
      if (answer.id !== id) continue
      if (answer.error) throw new Error(`${method}: ${answer.error.message}`)
      return answer.result
    }
  }
  await call('Profiler.enable')
  await call('Profiler.setSamplingInterval', { interval: INTERVAL })
  return {
    start: async () => void (await call('Profiler.start')),
    async stop() {
      const { profile } = (await call('Profiler.stop')) as { profile: CpuProfile }
      socket.close()
      return profile
    },
  }
}

export interface Share {
  name: string
  /** Of all the time in which the process was not idle. */
  share: number
}

/** The functions in which a process itself was longest, what they call left out. */
export function topOf({ nodes, samples, timeDeltas }: CpuProfile, count: number): Share[] {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]))
  const times = new Map<string, number>()
  for (const [i, sample] of samples.entries()) {
    const name = names.get(sample)!
    if (name !== '(idle)') times.set(name, (times.get(name) ?? 0) + timeDeltas[i]!)
  }
  const all = [...times.values()].reduce((sum, time) => sum + time, 0)
  const sorted = [...times].toSorted(([, a], [, b]) => b - a)
  return sorted.slice(0, count).map(([name, time]) => ({ name, share: time / all }))
}

function nameOf({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  if (functionName.startsWith('(')) return functionName
  const file = url
    .replace('file://', '')
    .replace(ROOT, '')
    .replace(/^.*node_modules\//, '')
  const line = lineNumber > 0 ? `:${lineNumber + 1}` : '' // code that was made in memory is all on one line
  return `${functionName || '(anonymous)'}${file && ` ${file}${line}`}`
}
