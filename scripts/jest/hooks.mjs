import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { transform } from 'esbuild'

const GLOBALS = new URL('globals.mjs', import.meta.url).href

/** In watch mode a test file bears the number of its run, and what it imports of ours inherits it, so that changed files are read again. */
const RUN = /\?run=\d+$/

/** Path to its source and what that became: in watch mode, most files are as they were at the last run. */
const compiled = new Map()

export async function resolve(specifier, context, next) {
  if (specifier === '@jest/globals') return { url: GLOBALS, shortCircuit: true }
  const found = await next(specifier, context)
  const [run] = RUN.exec(context.parentURL ?? '') ?? []
  const isOurs = found.url.startsWith('file:') && !found.url.includes('/node_modules/')
  return run && isOurs && !RUN.test(found.url) ? { ...found, url: found.url + run } : found
}

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
