import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { bundleMain, OPTIONS, writeFiles, writeIndex } from './bundle.mjs'

const HERE = fileURLToPath(new URL('.', import.meta.url))

/**
 * Builds the page: `index.html`, beside it assets whose names hold a hash of their content, and
 * `push-worker.js`, whose address browsers remember.
 * @param {string} outDir is emptied first
 * @throws {Error} when esbuild cannot compile the sources; the message says where
 */
export async function buildPage(outDir) {
  const { outputFiles, names } = await bundleMain(HERE, outDir)
  const worker = await build({
    ...OPTIONS,
    absWorkingDir: HERE,
    entryPoints: ['push-worker.ts'],
    outdir: outDir,
    format: 'iife',
  })
  writeFiles(outDir, [...outputFiles, ...worker.outputFiles])
  const icon = readFileSync(join(HERE, 'icon.svg'))
  const iconName = `icon-${createHash('sha256').update(icon).digest('hex').slice(0, 8).toUpperCase()}.svg`
  writeFileSync(join(outDir, iconName), icon)
  writeIndex(HERE, outDir, '/', { ...names, icon: iconName })
}
