import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { extname, join, relative, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

// The web page's part of dist/. Its files are compressed here, once, because the best compression takes longer than a broker's start.

/** What shrinks; images and fonts are compressed already. */
const TEXTS = new Set(['.css', '.html', '.js', '.json', '.map', '.svg', '.txt', '.webmanifest'])
/** Bytes below which compression gains less than its header costs. */
const LEAST = 200

/**
 * Builds the page.
 * @param {string} source its folder, with `build.mjs`, which exports `buildPage(outDir)`
 * @returns {Promise<Map<string, Buffer>>} content by relative path, with a `.br` and a `.gz` beside what shrinks
 */
export async function pageFiles(source) {
  const out = mkdtempSync(join(tmpdir(), 'page-'))
  try {
    const { buildPage } = await import(pathToFileURL(join(source, 'build.mjs')).href)
    await buildPage(out)
    const files = new Map()
    for (const entry of readdirSync(out, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const path = join(entry.parentPath, entry.name)
      const name = relative(out, path).replaceAll(sep, '/')
      const content = readFileSync(path)
      files.set(name, content)
      if (!TEXTS.has(extname(name)) || content.length < LEAST) continue
      files.set(
        `${name}.br`,
        brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length } }),
      )
      files.set(`${name}.gz`, gzipSync(content, { level: 9 }))
    }
    return files
  } finally {
    rmSync(out, { recursive: true, force: true })
  }
}
