import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { devCertFile } from '../shared/dev-secrets.ts'
import type { Stage } from './stage.ts'

// Processes of the group `computing`, which block their main thread.

export const COMPUTING = 'test/computing-handlers.ts'

export const computingEnv = (stage: Stage): Record<string, string> => ({
  ...stage.data,
  BROKER_URL: stage.url,
  BROKER_CA: devCertFile(stage.config),
  HANDLER_KEY: stage.handlerKey,
  LOG_LEVEL: 'info',
})

let gates = 0
/** A gate: a file that does not exist until the test opens it. */
export function gate({ config }: Stage) {
  const until = join(config.DATA_DIR, `gate-${gates++}`)
  return { until, opens: () => writeFileSync(until, '') }
}

export const readyz = async ({ admin }: Stage): Promise<string> => (await fetch(`${admin}/readyz`)).text()

/** Resolves when `/readyz` says that a process has been stuck with this command for this many seconds. */
export async function stuckFor(stage: Stage, command: string, least: number): Promise<void> {
  const line = new RegExp(
    `a process of the group computing \\(computing\\.\\S+\\) is stuck: it has computed for (\\d+) s past the time limit of ${command}\\b`,
  )
  const timeout = AbortSignal.timeout(60_000)
  while (!(Number(line.exec(await readyz(stage))?.[1]) >= least)) {
    timeout.throwIfAborted()
    await pause(100)
  }
}
