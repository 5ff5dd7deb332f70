import { fileURLToPath } from 'node:url'
import { groupsIn } from '../shared/runtime/scan.ts'
import { writeDocs } from './async-api.ts'
import { writeChartGroups, writeChartPage } from './chart.ts'
import { writeServices } from './compose.ts'
import { writeSettings } from './settings-docs.ts'

// npm run docs: writes what is generated from the handlers (the AsyncAPI document, the client's types, a service for each group), from
// the settings (.env.example and their page) and from the Helm chart's values (its README).
await writeDocs()
await writeSettings()
await writeChartPage()
const groups = await groupsIn(fileURLToPath(new URL('../handlers', import.meta.url)))
const added = await writeServices(groups)
const charted = await writeChartGroups(groups)
process.stdout.write(
  'docs/asyncapi.json, docs/client.d.ts, client/contract.ts, docs/operate/settings.md and .env.example are up to date\n',
)
if (added) process.stdout.write('docker-compose.yml has a service for each handler group now\n')
if (charted) process.stdout.write('deploy/helm/values.yaml has each handler group now\n')
