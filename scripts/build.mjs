import { build } from './build/compile.mjs'

// npm run build: compiles what production runs into dist/. The scripts that run dist/ build it themselves when a source has changed.

try {
  process.stdout.write(`${await build()}\n`)
} catch (err) {
  process.stderr.write(`${err.message}\n`)
  process.exitCode = 1
}
