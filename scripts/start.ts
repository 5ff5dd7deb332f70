import { readConfig } from '../shared/config.ts'
import { openLog } from '../shared/log.ts'
import { closeOnSignal, type Closable } from '../shared/shutdown.ts'
import { giveUp, startPlatform } from './platform.ts'

// npm start: runs the whole platform, each part as a process of its own that is restarted when it crashes.

try {
  const config = readConfig()
  const opened: Closable[] = []
  closeOnSignal(opened, openLog(config.LOG_LEVEL, 'start'), 40_000)
  await startPlatform(config, opened).catch((err: unknown) => giveUp(opened, err))
} catch (err) {
  process.stderr.write(`${(err as Error).message}\n`)
  process.exit(1)
}
