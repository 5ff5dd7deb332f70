import { fileURLToPath } from 'node:url'
import { describe } from '../shared/runtime/scan.ts'

// Prints what the handlers declare, as JSON. The broker runs this as a process, so that it never loads handler code itself.
process.stdout.write(JSON.stringify(await describe(fileURLToPath(new URL('.', import.meta.url)))))
