import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { build } from 'esbuild'

// What the page and the operators' console are built by.

/** How everything that a browser gets is compiled. */
export const OPTIONS = {
  bundle: true,
  minify: true,
  target: ['chrome123', 'firefox121', 'safari17.5'], // the first with light-dark()
  legalComments: 'none',
  write: false,
  logLevel: 'silent', // the error holds the messages
}

/**
 * Compiles `main.tsx` of a folder into assets whose names hold a hash of their content.
 * @param {string} folder
 * @param {string} outDir
 * @returns the files, and the names of the script and the style among them
 * @throws {Error} when esbuild cannot compile the sources; the message says where
 */
export async function bundleMain(folder, outDir) {
  const { outputFiles, metafile } = await build({
    ...OPTIONS,
    absWorkingDir: folder,
    entryPoints: ['main.tsx'],
    outdir: outDir,
    entryNames: '[name]-[hash]',
    format: 'esm',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    metafile: true,
  })
  const [entry, { cssBundle }] = Object.entries(metafile.outputs).find(
    ([, { entryPoint }]) => entryPoint === 'main.tsx',
  )
  return { outputFiles, names: { script: basename(entry), style: basename(cssBundle) } }
}

/** Empties `outDir`, and writes the files there. */
export function writeFiles(outDir, files) {
  rmSync(outDir, { recursive: true, force: true })
  mkdirSync(outDir, { recursive: true })
  for (const { path, contents } of files) writeFileSync(path, contents)
}

/** Writes `index.html` of a folder, with the addresses of the assets where it says `%name%`. */
export function writeIndex(folder, outDir, base, names) {
  const html = readFileSync(join(folder, 'index.html'), 'utf8')
  writeFileSync(
    join(outDir, 'index.html'),
    html.replaceAll(/%(\w+)%/g, (_, name) => `${base}${names[name]}`),
  )
}
