import type { Progress } from './dump.ts'

/** Prints the progress on stderr, once a second. */
export function progressBar(): Progress {
  let said = 0
  return (collection, documents, of) => {
    if (Date.now() - said < 1_000) return
    said = Date.now()
    process.stderr.write(`${collection}: ${documents}${of === undefined ? '' : ` of ${of}`}\n`)
  }
}
