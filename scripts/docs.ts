import { writeDocs } from './async-api.ts'
import { writeServices } from './compose.ts'
import { groupsIn } from '../shared/runtime/scan.ts'
import { fileURLToPath } from 'node:url'

// npm run docs: what is made from the handlers: the AsyncAPI document, the client's types, and a service for each group.
await writeDocs()
const added = await writeServices(await groupsIn(fileURLToPath(new URL('../handlers', import.meta.url))))
process.stdout.write('docs/asyncapi.json and docs/client.d.ts are up to date\n')
if (added) process.stdout.write('docker-compose.yml has a service for each handler group now\n')
