import { fileURLToPath } from 'node:url'
import { groupsIn } from '../shared/runtime/scan.ts'
import { writeDocs } from './async-api.ts'
import { writeServices } from './compose.ts'
import { writeSettings } from './settings-docs.ts'

// npm run docs: writes what is generated from the handlers (the AsyncAPI document, the client's types, a service for each group) and from
// the settings (.env.example and their page).
await writeDocs()
await writeSettings()
const added = await writeServices(await groupsIn(fileURLToPath(new URL('../handlers', import.meta.url))))
process.stdout.write(
  'docs/asyncapi.json, docs/client.d.ts, client/contract.ts, docs/operate/settings.md and .env.example are up to date\n',
)
if (added) process.stdout.write('docker-compose.yml has a service for each handler group now\n')
