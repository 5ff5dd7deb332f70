import { existsSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { readConfig } from '../shared/config.ts'
import { readPem, sharedHandlerKeys } from '../shared/dev-secrets.ts'
import { openLog } from '../shared/log.ts'
import { command, event, type DeclaredCommand } from '../shared/runtime/command.ts'
import { handlerSettings } from '../shared/runtime/handler-settings.ts'
import { serveGroup } from '../shared/runtime/serve.ts'
import { closeOnSignal, type Closable } from '../shared/shutdown.ts'
import { openStore } from '../shared/store/open.ts'

// A process of a group whose handlers block its main thread, or do not stop. slow/parallel/busy-handlers.test.ts runs it and follows it by
// its output. The argument is the milliseconds that handlers have to end once the process is told to stop.

const ran = event('ran', { attempt: z.int(), pid: z.int() })
const { pid } = process
const [drainMs] = process.argv.slice(2)
const answer = (attempt: number) => ({ reply: ran({ attempt, pid }) })
const say = (what: string, attempt: number): void => void process.stdout.write(`${what} ${attempt}\n`)

/** Blocks this thread until the file exists, and for at least this many milliseconds. */
function compute(until: string, ms: number): void {
  const clock = new Int32Array(new SharedArrayBuffer(4))
  const began = performance.now()
  while (performance.now() - began < ms || !existsSync(until)) Atomics.wait(clock, 0, 0, 50)
}

const long = { until: z.string(), ms: z.int() }
const commands = new Map<string, DeclaredCommand>([
  [
    'compute',
    command({
      input: z.object(long),
      events: { ran },
      timeoutMs: 60_000,
      run({ until, ms }, { command: { attempt } }) {
        say('computes', attempt)
        compute(until, ms)
        return answer(attempt)
      },
    }),
  ],
  [
    'overrun',
    command({
      input: z.object(long),
      events: { ran },
      timeoutMs: 500,
      run({ until, ms }, { command: { attempt } }) {
        say('overruns', attempt)
        if (attempt === 1) compute(until, ms)
        return answer(attempt)
      },
    }),
  ],
  [
    'nap',
    command({
      input: z.object({}),
      events: { ran },
      timeoutMs: 500,
      async run(_, { command: { attempt } }) {
        say('naps', attempt)
        await pause(200)
        return answer(attempt)
      },
    }),
  ],
  [
    'spin',
    command({
      input: z.object({}),
      events: { ran },
      timeoutMs: 100,
      run(_, { command: { attempt } }) {
        say('spins', attempt)
        for (;;);
      },
    }),
  ],
  [
    'ignore',
    command({
      input: z.object({ until: z.string() }),
      events: { ran },
      timeoutMs: 60_000,
      async run({ until }, { command: { attempt } }) {
        say('ignores its signal', attempt)
        while (!existsSync(until)) await pause(20)
        return answer(attempt)
      },
    }),
  ],
  ['quick', command({ input: z.object({}), events: { ran }, run: (_, { command }) => answer(command.attempt) })],
  [
    'listen',
    command({
      input: z.object({}),
      events: { ran },
      async run(_, { command: { attempt }, signal }) {
        say('listens', attempt)
        if (existsSync(process.env['HEARD'] ?? '')) return answer(attempt)
        await pause(600_000, undefined, { signal })
        return answer(attempt)
      },
    }),
  ],
])

const config = readConfig()
const log = openLog(config.LOG_LEVEL, 'computing')
const opened: Closable[] = []
closeOnSignal(opened, log)
const store = await openStore(config, log)
opened.push(store)
opened.push(
  await serveGroup({
    group: 'computing',
    commands,
    store,
    settings: handlerSettings(config),
    log,
    broker: {
      url: config.BROKER_URL!,
      key: sharedHandlerKeys(config)[0]!,
      ownKey: false,
      ca: [readPem('BROKER_CA', config.BROKER_CA!)],
    },
    window: config.HANDLER_WINDOW,
    ...(drainMs !== undefined && { drainMs: Number(drainMs) }),
  }),
)
process.send?.({ ready: true })
