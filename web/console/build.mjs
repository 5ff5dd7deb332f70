import { fileURLToPath } from 'node:url'
import { bundleMain, writeFiles, writeIndex } from '../bundle.mjs'

const HERE = fileURLToPath(new URL('.', import.meta.url))

/**
 * Builds the operator's console: `index.html`, and beside it assets whose names hold a hash of their content.
 * @param {string} outDir is emptied first
 * @throws {Error} when esbuild cannot compile the sources; the message says where
 */
export async function buildPage(outDir) {
  const { outputFiles, names } = await bundleMain(HERE, outDir)
  writeFiles(outDir, outputFiles)
  writeIndex(HERE, outDir, '/console/', names)
}
