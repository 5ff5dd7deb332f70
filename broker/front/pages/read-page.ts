import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join, relative, sep } from 'node:path'
import { ConfigError } from '../../../shared/config.ts'

/** A file's bytes in one encoding. */
export interface Body {
  /** As in Content-Encoding; undefined: as it is. */
  readonly encoding: 'br' | 'gzip' | undefined
  readonly bytes: Buffer
  /** In quotes, as in the header. */
  readonly etag: string
}

export interface PageFile {
  /** As in Content-Type. */
  readonly type: string
  /** As in Cache-Control. */
  readonly caching: string
  /** The best one first, the plain one last. */
  readonly bodies: readonly Body[]
}

/** Path in the URL to file. */
export type PageFiles = ReadonlyMap<string, PageFile>

/** Bytes of all files, since they are held in memory. */
const MAX_BYTES = 64 * 2 ** 20
/** Compressed copies beside a file, best first. */
const COPIES = [
  ['.br', 'br'],
  ['.gz', 'gzip'],
] as const
const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.mp3': 'audio/mpeg',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
}
/** A name with the hash of its content, as esbuild writes it: `main-5WQ2KXJB.js`. */
const HASHED = /-[A-Z0-9]{8}\.[a-z0-9]+$/

/**
 * Reads all files of a built page, with the compressed copies (`.br`, `.gz`) beside them. `index.html` is at `/`. Symbolic links and
 * hidden files are left out.
 * @throws {ConfigError} when there is no `index.html`, or all files are larger than 64 MB
 */
export function readPage(folder: string): PageFiles {
  const contents = new Map<string, Buffer>()
  let size = 0
  for (const name of namesIn(folder)) {
    const bytes = readFileSync(join(folder, name))
    size += bytes.length
    if (size > MAX_BYTES) throw new ConfigError(`WEB: the files in ${folder} are larger than ${MAX_BYTES} bytes`)
    contents.set(`/${name.replaceAll(sep, '/')}`, bytes)
  }
  const files = new Map<string, PageFile>()
  for (const [path, bytes] of contents) {
    if (isCopy(path, contents)) continue
    const copies = COPIES.flatMap(([end, encoding]) => {
      const copy = contents.get(path + end)
      return copy === undefined ? [] : [bodyOf(copy, encoding)]
    })
    files.set(path === '/index.html' ? '/' : path, fileOf(path, [...copies, bodyOf(bytes)]))
  }
  if (!files.has('/')) throw new ConfigError(`WEB: there is no index.html in ${folder}`)
  return files
}

/** A file that is made here, not read. */
export function madeFile(path: string, content: string): PageFile {
  return fileOf(path, [bodyOf(Buffer.from(content))])
}

function fileOf(path: string, bodies: readonly Body[]): PageFile {
  return {
    type: TYPES[extname(path)] ?? 'application/octet-stream',
    caching: HASHED.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache',
    bodies,
  }
}

function bodyOf(bytes: Buffer, encoding?: 'br' | 'gzip'): Body {
  const digest = createHash('sha256').update(bytes).digest('base64url').slice(0, 22)
  return { encoding, bytes, etag: `"${digest}"` }
}

function isCopy(path: string, contents: ReadonlyMap<string, Buffer>): boolean {
  return COPIES.some(([end]) => path.endsWith(end) && contents.has(path.slice(0, -end.length)))
}

function namesIn(folder: string): string[] {
  let entries
  try {
    entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  } catch (err) {
    throw new ConfigError(`WEB: cannot read the folder ${folder} (${(err as NodeJS.ErrnoException).code})`)
  }
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((name) => !name.split(sep).some((part) => part.startsWith('.')))
}
