import { existsSync, readdirSync, readFileSync, mkdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pageFiles } from './page.mjs'

// Compiles the product and its tools into dist/, file by file: so dist/ has the layout of the sources, each handler is still one file for
// the scan to find, and every `new URL('…', import.meta.url)` still points to the right place. In plain JavaScript, because it runs
// before anything can run TypeScript. The web page is bundled by its own build, into dist/web/, and
// the operators' console into dist/console/.

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))
export const DIST = join(ROOT, 'dist')
/**
 * `tools` is compiled because the load test measures compiled handlers, with `client`, which it imports; `test` because tests start
 * processes that it holds. The image is built without these.
 */
const FOLDERS = ['broker', 'client', 'handlers', 'shared', 'scripts', 'test', 'tools'].filter((name) =>
  existsSync(join(ROOT, name)),
)
const PAGE = join(ROOT, 'web')
const hasPage = existsSync(join(PAGE, 'build.mjs'))
const CONSOLE = join(PAGE, 'console')
const hasConsole = existsSync(join(CONSOLE, 'build.mjs'))
/** Packages of a hundred modules and more, which every process loads: dist/ has each as one file, and a start is sooner done. */
const PACKAGES = ['zod']
/** Holds the digest of the sources from which dist/ was built. Written last. */
const STAMP = join(DIST, 'sources.sha256')

/** The files that production may run, and the versions of the packages: content by relative path. */
function sources() {
  const names = [...FOLDERS, ...(hasPage ? ['web'] : [])].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).replaceAll(sep, '/'))
      .filter((name) => isOfPage(name) || (/\.(?:ts|mjs)$/.test(name) && !/\.(?:test|d)\.ts$/.test(name))),
  )
  return new Map(['package.json', ...names.toSorted()].map((name) => [name, readFileSync(join(ROOT, name))]))
}

const isOfPage = (name) => name.startsWith('web/')

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
  const options = {
    absWorkingDir: ROOT,
    outdir: DIST,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    write: false,
    logLevel: 'silent', // the error holds the messages
  }
  const [ours, packages] = await Promise.all([
    esbuild.build({
      ...options,
      entryPoints: [...files.keys()].filter((name) => name.endsWith('.ts') && !isOfPage(name)),
      outbase: ROOT,
      plugins: [{ name: 'each file by itself', setup: importsStay }],
      sourcemap: 'linked',
      sourcesContent: false,
    }),
    esbuild.build({
      ...options,
      entryPoints: PACKAGES.map((name) => ({ in: fileURLToPath(import.meta.resolve(name)), out: outputOf(name) })),
    }),
  ])
  const page = hasPage ? await pageFiles(PAGE) : new Map()
  const consolePage = hasConsole ? await pageFiles(CONSOLE) : new Map()
  await esbuild.stop()
  const made = new Map([...ours.outputFiles, ...packages.outputFiles].map(({ path, contents }) => [path, contents]))
  for (const [name, content] of files) if (name.endsWith('.mjs') && !isOfPage(name)) made.set(join(DIST, name), content)
  for (const [name, content] of page) made.set(join(DIST, 'web', name), content)
  for (const [name, content] of consolePage) made.set(join(DIST, 'console', name), content)
  rmSync(STAMP, { force: true })
  for (const [path, content] of made) put(path, content)
  removeAllBut(new Set(made.keys()), DIST)
  put(STAMP, digestOf(files))
  return `built dist/ in ${Math.round(performance.now() - began)} ms`
}

/** Where a package of PACKAGES is in dist/, without its extension. */
const outputOf = (name) => `packages/${name}`

/** Leaves every import for run time; our own files are named .js there. */
function importsStay(build) {
  build.onResolve({ filter: /./ }, ({ path, kind, resolveDir }) => {
    if (kind === 'entry-point') return undefined
    if (path.startsWith('.')) return { path: path.replace(/\.ts$/, '.js'), external: true }
    if (!PACKAGES.includes(path)) return { path, external: true }
    return { path: `${relative(resolveDir, join(ROOT, outputOf(path)))}.js`, external: true }
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
