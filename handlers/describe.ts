import { fileURLToPath } from 'node:url'
import { describe } from '../shared/runtime/scan.ts'

// Prints what the handlers declare, as JSON. The broker asks it: it never loads a handler's code itself.
process.stdout.write(JSON.stringify(await describe(fileURLToPath(new URL('.', import.meta.url)))))
