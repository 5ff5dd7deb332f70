import { statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { transform } from 'esbuild'

const GLOBALS = new URL('globals.mjs', import.meta.url).href

// In watch mode a test file bears the number of its run. A module of ours bears the number of the last run before which it was changed,
// or something that it imports: so only these are loaded again.

const RUN = /\?run=(\d+)$/
let current = 0
/** URL, without number, to the number that it bears. */
const numbers = new Map()
/** URL to what its file was like when it was numbered. */
const looks = new Map()
/** URL to those that import it. */
const importers = new Map()

/** Size and time of the last change. */
function lookOf(url) {
  const { mtimeMs, size } = statSync(new URL(url), { throwIfNoEntry: false }) ?? {}
  return `${mtimeMs} ${size}`
}

/** Forgets the numbers of the modules that were changed since the last run, and of all that import them. */
function begin(run) {
  current = run
  const stale = Array.from(looks.keys()).filter((url) => lookOf(url) !== looks.get(url))
  for (const url of stale) {
    if (!numbers.delete(url)) continue
    looks.delete(url)
    stale.push(...(importers.get(url) ?? []))
  }
}

/** @param importer the URL of the module that imports it, with its number */
function numbered(url, importer) {
  const [bare] = importer.split('?')
  if (!importers.has(url)) importers.set(url, new Set())
  importers.get(url).add(bare)
  if (!numbers.has(url)) {
    numbers.set(url, current)
    looks.set(url, lookOf(url))
  }
  return `${url}?run=${numbers.get(url)}`
}

export async function resolve(specifier, context, next) {
  if (specifier === '@jest/globals') return { url: GLOBALS, shortCircuit: true }
  const { parentURL = '' } = context
  const found = await next(specifier, context).catch((err) => {
    looks.set(parentURL.split('?')[0], 'imports what is missing') // so it is loaded again once that is there
    throw err
  })
  const run = Number(RUN.exec(found.url)?.[1] ?? 0)
  if (run > current) begin(run)
  const isOurs = found.url.startsWith('file:') && !found.url.includes('/node_modules/')
  return run === 0 && isOurs && RUN.test(parentURL) ? { ...found, url: numbered(found.url, parentURL) } : found
}

/** Path to its source and what that became: a module that is loaded again may be as it was. */
const compiled = new Map()

export async function load(url, context, next) {
  const { pathname } = new URL(url)
  if (!url.startsWith('file:') || !pathname.endsWith('.ts')) return next(url, context)
  const sourcefile = fileURLToPath(new URL(pathname, url))
  const options = { loader: 'ts', format: 'esm', target: 'node20', sourcemap: 'inline', sourcefile }
  const source = await readFile(sourcefile, 'utf8')
  const before = compiled.get(sourcefile)
  const { code } = before?.source === source ? before : await transform(source, options)
  compiled.set(sourcefile, { source, code })
  return { format: 'module', source: code, shortCircuit: true }
}
