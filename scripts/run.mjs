import { join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, DIST, isBuilt, ROOT } from './build/compile.mjs'

// `node scripts/run.mjs broker/main.ts …`: runs the compiled file, after rebuilding dist/ if a source has changed.

const [node, , source = '', ...args] = process.argv
try {
  if (!isBuilt()) process.stderr.write(`${await build()}\n`)
} catch (err) {
  process.stderr.write(`${err.message}\n`)
  process.exit(1)
}
const file = join(DIST, relative(ROOT, resolve(ROOT, source)).replace(/\.ts$/, '.js'))
process.argv = [node, file, ...args]
await import(pathToFileURL(file).href)
