import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { ConfigError, readConfig } from '../shared/config.ts'
import { openLog } from '../shared/log.ts'
import { EXTENSION, nodeArguments } from '../shared/own-modules.ts'
import { keepFilesPrivate } from '../shared/private-files.ts'
import { closeOnSignal, type Closable } from '../shared/shutdown.ts'
import { catalogue, type Catalogue } from '../shared/wire/catalogue.ts'
import { Damaged } from '../shared/wire/refusal.ts'
import { startBroker } from './broker.ts'
import { warnOfHeap } from './heap.ts'

// npm run broker: one broker process. SIGHUP reads the certificate and the handlers' declarations again.

const describe = fileURLToPath(new URL(`../handlers/describe${EXTENSION}`, import.meta.url))

/** Reads what the handlers' files declare, in a separate process, so that no handler code runs in the broker. */
async function declarations(): Promise<Catalogue> {
  const { stdout } = await promisify(execFile)(process.execPath, [...nodeArguments(), describe], {
    maxBuffer: 2 ** 24,
    env: {}, // handler files must not see the broker's secrets
  })
  return catalogue.parse(JSON.parse(stdout))
}

async function main(): Promise<void> {
  const config = readConfig()
  const log = openLog(config.LOG_LEVEL, 'broker')
  keepFilesPrivate(config.DATA_DIR, log)
  warnOfHeap(config, log)
  const opened: Closable[] = []
  closeOnSignal(opened, log)
  const declared = declarations()
  declared.catch(() => {}) // the start awaits it
  const broker = await startBroker(config, declared, log)
  opened.push(broker)
  process.on('SIGHUP', () => {
    declarations()
      .then((now) => broker.reload(now))
      .then(
        () => {
          log.info('reloaded')
          process.send?.({ reloaded: true })
        },
        (err: unknown) => {
          log.error({ err }, 'reload failed; the previous certificate and declarations stay in use')
          process.send?.({ reloaded: false })
        },
      )
  })
  process.send?.({ ready: broker.ports })
}

main().catch((err: unknown) => {
  process.stderr.write(`${err instanceof ConfigError || err instanceof Damaged ? err.message : (err as Error).stack}\n`)
  process.exit(1)
})
