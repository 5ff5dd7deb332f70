import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const HERE = fileURLToPath(new URL('.', import.meta.url))

/**
 * Builds the page: `index.html`, and beside it assets whose names hold a hash of their content.
 * @param {string} outDir is emptied first
 * @throws {Error} when esbuild cannot compile the sources; the message says where
 */
export async function buildPage(outDir) {
  const { outputFiles, metafile } = await build({
    absWorkingDir: HERE,
    entryPoints: ['main.tsx'],
    outdir: outDir,
    entryNames: '[name]-[hash]',
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['chrome123', 'firefox121', 'safari17.5'], // the first with light-dark(),
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    write: false,
    metafile: true,
    logLevel: 'silent', // the error holds the messages
  })
  rmSync(outDir, { recursive: true, force: true })
  mkdirSync(outDir, { recursive: true })
  for (const { path, contents } of outputFiles) writeFileSync(path, contents)
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
