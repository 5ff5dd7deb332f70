import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const HERE = fileURLToPath(new URL('.', import.meta.url))

const OPTIONS = {
  absWorkingDir: HERE,
  bundle: true,
  minify: true,
  target: ['chrome123', 'firefox121', 'safari17.5'], // the first with light-dark()
  legalComments: 'none',
  write: false,
  logLevel: 'silent', // the error holds the messages
}

/**
 * Builds the page: `index.html`, beside it assets whose names hold a hash of their content, and
 * `push-worker.js`, whose address browsers remember.
 * @param {string} outDir is emptied first
 * @throws {Error} when esbuild cannot compile the sources; the message says where
 */
export async function buildPage(outDir) {
  const { outputFiles, metafile } = await build({
    ...OPTIONS,
    entryPoints: ['main.tsx'],
    outdir: outDir,
    entryNames: '[name]-[hash]',
    format: 'esm',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    metafile: true,
  })
  const worker = await build({ ...OPTIONS, entryPoints: ['push-worker.ts'], outdir: outDir, format: 'iife' })
  rmSync(outDir, { recursive: true, force: true })
  mkdirSync(outDir, { recursive: true })
  for (const { path, contents } of [...outputFiles, ...worker.outputFiles]) writeFileSync(path, contents)
  const [entry, { cssBundle }] = Object.entries(metafile.outputs).find(
    ([, { entryPoint }]) => entryPoint === 'main.tsx',
  )
  const icon = readFileSync(join(HERE, 'icon.svg'))
  const iconName = `icon-${createHash('sha256').update(icon).digest('hex').slice(0, 8).toUpperCase()}.svg`
  writeFileSync(join(outDir, iconName), icon)
  const names = { script: basename(entry), style: basename(cssBundle), icon: iconName }
  const html = readFileSync(join(HERE, 'index.html'), 'utf8')
  writeFileSync(
    join(outDir, 'index.html'),
    html.replaceAll(/%(\w+)%/g, (_, name) => `/${names[name]}`),
  )
}
