import { createSecureContext } from 'node:tls'
import { Connection } from './connection.ts'
import { Flows } from './flows.ts'
import type { Job, Lap, Request, Response } from './job.ts'
import { Logins } from './logins.ts'
import { cpuSeconds } from './proc-stat.ts'
import { latencies } from './statistics.ts'

// A process that does nothing but generate load: it opens what a job says, and is told when to go and when to stop.

const AT_ONCE = 50
const PROGRESS_EVERY = 250

interface Load {
  readonly done: number
  readonly measured: number[]
  readonly unexpected?: number
  go(): void
  stop(): void
  drain(): Promise<number>
}

function open({ url, ca, broker, handlers, clients, work }: Job) {
  const { hostname: host, port } = new URL(url)
  const address = { host, port: Number(port), context: createSecureContext({ ca }) }
  const connections: Connection[] = []
  let load: Load | undefined
  let [began, before, refused] = [0, used(), 0]
  const allRefused = (): number => connections.reduce((sum, one) => sum + one.refused, 0)

  function used() {
    const { user, system } = process.cpuUsage()
    const ofHandlers = handlers.reduce((sum, pid) => sum + cpuSeconds(pid), 0)
    return { broker: cpuSeconds(broker), handlers: ofHandlers, generator: (user + system) / 1e6 }
  }

  return {
    async connect(): Promise<void> {
      if ('logins' in work) return void (load = new Logins(address, clients, work.logins.atOnce))
      for (let i = 0; i < clients.length; i += AT_ONCE) {
        const some = clients.slice(i, i + AT_ONCE).map(async (client) => {
          const connection = await Connection.open(address, client)
          if (client.subscribes.length > 0) await connection.subscribe(client.subscribes, client.qos)
          return connection
        })
        connections.push(...(await Promise.all(some)))
        say({ progress: connections.length })
      }
      load = new Flows(work.flows, work.qos, work.pace, connections)
    },
    go(): void {
      ;[began, before, refused] = [performance.now(), used(), allRefused()]
      load!.go()
    },
    progress: (): number => load?.measured.length ?? 0,
    async stop(): Promise<Lap> {
      load!.stop()
      const after = used()
      const seconds = (performance.now() - began) / 1_000
      const { done, measured } = load!
      const lost = await load!.drain()
      const spent = (key: keyof typeof after): number => after[key] - before[key]
      return {
        seconds,
        done,
        heard: measured.length,
        latencies: latencies(measured),
        lost,
        unexpected: load!.unexpected ?? 0,
        refused: allRefused() - refused,
        cpu: { broker: spent('broker'), handlers: spent('handlers'), generator: spent('generator') },
      }
    },
  }
}

const say = (response: Response): void => void process.send!(response)

let opened: ReturnType<typeof open> | undefined
let timer: NodeJS.Timeout | undefined
process.on('message', (request: Request) => {
  obey(request).catch((err: Error) => {
    process.stderr.write(`load generator: ${err.message}\n`)
    process.exit(1)
  })
})
process.on('disconnect', () => process.exit(0))

async function obey(request: Request): Promise<void> {
  if (request === 'go') {
    timer = setInterval(() => say({ progress: opened!.progress() }), PROGRESS_EVERY)
    return opened!.go()
  }
  if (request === 'stop') {
    clearInterval(timer)
    return say({ lap: await opened!.stop() })
  }
  opened = open(request.open)
  await opened.connect()
  say({ opened: true })
}
