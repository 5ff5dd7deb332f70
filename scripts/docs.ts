import { writeDocs } from './async-api.ts'

// npm run docs: the AsyncAPI document and the client's types, from the handlers.
await writeDocs()
process.stdout.write('docs/asyncapi.json and docs/client.d.ts are up to date\n')
