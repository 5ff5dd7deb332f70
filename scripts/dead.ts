import { readConfig } from '../shared/config.ts'
import { runDead } from './dead/run-dead.ts'

// npm run dead: lists, shows, replays and drops dead letters.

const say = (text: string): void => void process.stdout.write(`${text}\n`)
try {
  if (!(await runDead(process.argv.slice(2), readConfig, say))) process.exitCode = 1
} catch (err) {
  process.stderr.write(`${(err as Error).message}\n`)
  process.exitCode = 1
}
