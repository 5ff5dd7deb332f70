import { existsSync, readdirSync, readFileSync, mkdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

// Compiles the product and its tools into dist/, file by file: so dist/ has the layout of the sources, each handler is still one file for
// the scan to find, and every `new URL('…', import.meta.url)` still points to the right place. In plain JavaScript, because it runs
// before anything can run TypeScript.

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))
export const DIST = join(ROOT, 'dist')
/** `tools` is compiled because the load test measures compiled handlers, with `client`, which it imports; the image is built without them. */
const FOLDERS = ['broker', 'client', 'handlers', 'shared', 'scripts', 'tools'].filter((name) =>
  existsSync(join(ROOT, name)),
)
/** Holds the digest of the sources from which dist/ was built. Written last. */
const STAMP = join(DIST, 'sources.sha256')

/** The files that production may run: content by relative path. */
function sources() {
  const names = FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(?:ts|mjs)$/.test(name) && !/\.(?:test|d)\.ts$/.test(name))
      .map((name) => `${folder}/${name}`),
  )
  return new Map(names.toSorted().map((name) => [name, readFileSync(join(ROOT, name))]))
}

function digestOf(files) {
  const hash = createHash('sha256')
  for (const [name, content] of files) hash.update(`${name}\0${content.length}\0`).update(content)
  return hash.digest('hex')
}

function stamp() {
  try {
    return readFileSync(STAMP, 'utf8')
  } catch {
    return undefined
  }
}

/** Tells whether dist/ was built from the current sources, by content, not by file times. */
export function isBuilt() {
  return stamp() === digestOf(sources())
}

/**
 * Builds dist/.
 * @returns {Promise<string>} what was done, in one line
 * @throws {Error} when esbuild is not installed, or a source cannot be compiled
 */
export async function build() {
  const began = performance.now()
  const files = sources()
  const esbuild = await import('esbuild').catch(() => {
    const what = stamp() === undefined ? 'dist/ is not there' : 'dist/ was built from other sources'
    throw new Error(`${what}, and esbuild, which builds it, is not installed. Run npm install without --omit=dev.`)
  })
  const { outputFiles } = await esbuild.build({
    absWorkingDir: ROOT,
    entryPoints: [...files.keys()].filter((name) => name.endsWith('.ts')),
    outdir: DIST,
    outbase: ROOT,
    bundle: true, // only so that imports reach the plugin, which keeps each as an import
    plugins: [{ name: 'each file by itself', setup: importsStay }],
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    sourcemap: 'linked',
    sourcesContent: false,
    write: false,
    logLevel: 'silent', // the error holds the messages
  })
  await esbuild.stop()
  const made = new Map(outputFiles.map(({ path, contents }) => [path, contents]))
  for (const [name, content] of files) if (name.endsWith('.mjs')) made.set(join(DIST, name), content)
  rmSync(STAMP, { force: true })
  for (const [path, content] of made) put(path, content)
  removeAllBut(new Set(made.keys()), DIST)
  put(STAMP, digestOf(files))
  return `built dist/ in ${Math.round(performance.now() - began)} ms`
}

/** Leaves every import for run time; our own files are named .js there. */
function importsStay(build) {
  build.onResolve({ filter: /./ }, ({ path, kind }) => {
    if (kind === 'entry-point') return undefined
    return { path: path.startsWith('.') ? path.replace(/\.ts$/, '.js') : path, external: true }
  })
}

/** Writes a file atomically, and only when it has changed, so that running processes read either the old or the new file. */
function put(path, content) {
  try {
    if (readFileSync(path).equals(Buffer.from(content))) return
  } catch {
    mkdirSync(dirname(path), { recursive: true })
  }
  const next = join(DIST, `${process.pid}.new`)
  writeFileSync(next, content)
  renameSync(next, path)
}

/** Removes files without a source, and empty folders with them, because a folder of handlers is a group. */
function removeAllBut(kept, folder) {
  let isEmpty = true
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) isEmpty = removeAllBut(kept, path) && isEmpty
    else if (kept.has(path) || path.endsWith('.new')) isEmpty = false
    else rmSync(path, { force: true })
  }
  if (isEmpty && folder !== DIST) rmdirSync(folder)
  return isEmpty
}
