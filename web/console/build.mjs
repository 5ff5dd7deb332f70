import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const HERE = fileURLToPath(new URL('.', import.meta.url))

/**
 * Builds the operator's console: `index.html`, and beside it assets whose names hold a hash of their content.
 * @param {string} outDir is emptied first
 * @throws {Error} when esbuild cannot compile the sources; the message says where
 */
export async function buildPage(outDir) {
  const { outputFiles, metafile } = await build({
    absWorkingDir: HERE,
    bundle: true,
    minify: true,
    target: ['chrome123', 'firefox121', 'safari17.5'], // the first with light-dark()
    legalComments: 'none',
    write: false,
    logLevel: 'silent', // the error holds the messages
    entryPoints: ['main.tsx'],
    outdir: outDir,
    entryNames: '[name]-[hash]',
    format: 'esm',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    metafile: true,
  })
  rmSync(outDir, { recursive: true, force: true })
  mkdirSync(outDir, { recursive: true })
  for (const { path, contents } of outputFiles) writeFileSync(path, contents)
  const [entry, { cssBundle }] = Object.entries(metafile.outputs).find(
    ([, { entryPoint }]) => entryPoint === 'main.tsx',
  )
  const names = { script: basename(entry), style: basename(cssBundle) }
  const html = readFileSync(join(HERE, 'index.html'), 'utf8')
  writeFileSync(
    join(outDir, 'index.html'),
    html.replaceAll(/%(\w+)%/g, (_, name) => `/console/${names[name]}`),
  )
}
