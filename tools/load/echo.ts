import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { readConfig } from '../../shared/config.ts'
import { openLog } from '../../shared/log.ts'
import { command, event } from '../../shared/runtime/command.ts'
import { handlerSettings } from '../../shared/runtime/handler-settings.ts'
import { serveGroup } from '../../shared/runtime/serve.ts'
import { closeOnSignal } from '../../shared/shutdown.ts'
import { openStore } from '../../shared/store/open.ts'

// A handler process of the load test: answers with what it got, and keeps nothing.

const [url = '', caFile = '', key = '', window = '64', dataDir = ''] = process.argv.slice(2)
const echoed = event('echoed', { text: z.string() })
const echo = command({
  input: z.object({ text: z.string() }),
  events: { echoed },
  run: ({ text }) => ({ reply: echoed({ text }) }),
})
const log = openLog('warn', 'echo')
const broker = { url, ca: [readFileSync(caFile, 'utf8')], key, ownKey: false }
const store = await openStore({ DATA_DIR: dataDir }, log)
const served = await serveGroup({
  settings: handlerSettings(readConfig()),
  group: 'load',
  commands: new Map([['echo', echo]]),
  store,
  log,
  broker,
  window: Number(window),
})
closeOnSignal([store, served], log)
process.send?.({ ready: true })
