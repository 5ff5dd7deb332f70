import { createHash, type Hash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { open, readFile, rename, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { makeFolder } from '../../shared/make-folder.ts'
import type { Collection, CollectionSpec, Document, Store } from '../../shared/store/documents.ts'

// A dump is a folder with a file for each collection, one document per line in the order of their keys, with sorted fields, so that
// both engines give the same lines; and a manifest with the count and hash of each file, written last. It holds what users wrote, so
// only its owner can read it, as with DATA_DIR.

const sumShape = z.object({
  documents: z.number(),
  /** SHA-256 of the lines, in hex. */
  sha256: z.string(),
})
const manifestShape = z.record(z.string(), sumShape)
type Sum = z.infer<typeof sumShape>
type Manifest = z.infer<typeof manifestShape>

/** What an export reads: a store, or a snapshot of one. */
export interface Readable {
  collection(spec: CollectionSpec): Pick<Collection<Document>, 'find'>
}

/** Reports progress: the collection, the documents done, and of how many if known. */
export type Progress = (collection: string, documents: number, of?: number) => void

/** What an import or a check has found in one collection. */
export interface Report {
  collection: string
  documents: number
  /** Import only: documents that existed already and were equal. */
  already?: number
  /** The differences; empty when everything is equal. */
  wrong: string[]
}

const PAGE = 500
const MAX_TOLD = 10

/**
 * Writes all collections into a folder. An interrupted export continues where it stopped.
 * @throws {Error} when data exported first have changed by the end: handlers are running, or ran in between
 */
export async function exportTo(folder: string, store: Readable, specs: readonly CollectionSpec[], progress: Progress) {
  makeFolder(folder)
  if (existsSync(manifestOf(folder))) throw new Error(`${folder} holds a complete export already; choose another folder`)
  const manifest: Manifest = {}
  for (const { name, ...spec } of specs) {
    manifest[name] = await exportOne(linesOf(folder, name), store, { name, ...spec }, progress)
  }
  const changed = (await compare(manifest, store, specs, progress)).filter(({ wrong }) => wrong.length > 0)
  if (changed.length > 0) {
    const names = changed.map(({ collection }) => collection).join(', ')
    throw new Error(`${names} changed meanwhile: stop the handler processes, remove ${folder}, and export again`)
  }
  await writeFile(`${manifestOf(folder)}.part`, `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600 })
  await rename(`${manifestOf(folder)}.part`, manifestOf(folder))
  return manifest
}

async function exportOne(path: string, store: Readable, spec: CollectionSpec, progress: Progress): Promise<Sum> {
  const collection = store.collection(spec)
  const sum = createHash('sha256')
  let [documents, bytes, last] = [0, 0, undefined as string | undefined]
  if (existsSync(path)) {
    for await (const line of wholeLines(path)) {
      sum.update(`${line}\n`)
      bytes += Buffer.byteLength(line) + 1
      last = keyOf(line)
      documents++
    }
    await truncate(path, bytes) // removes an incomplete line
  }
  const file = await open(path, 'a', 0o600)
  try {
    for (let isMore = true; isMore;) {
      const page = await collection.find({ limit: PAGE, ...(last !== undefined && { after: { _id: last } }) })
      const lines = page.map((document) => `${canonical(document)}\n`).join('')
      await file.appendFile(lines)
      sum.update(lines)
      documents += page.length
      last = page.at(-1)?._id
      isMore = page.length === PAGE
      progress(spec.name, documents)
    }
    await file.sync()
  } finally {
    await file.close()
  }
  return { documents, sha256: sum.digest('hex') }
}

/**
 * Stores a dump's documents. Leaves existing ones as they are, so an interrupted import can be run again.
 * @throws {Error} when the dump is incomplete, or was changed since it was written
 */
export async function importFrom(
  folder: string,
  store: Store,
  specs: readonly CollectionSpec[],
  progress: Progress,
): Promise<Report[]> {
  const manifest = await readManifest(folder)
  const unknown = Object.keys(manifest).filter((name) => !specs.some((spec) => spec.name === name))
  if (unknown.length > 0) throw new Error(`no handler here knows ${unknown.join(', ')}`)
  await verify(folder, manifest)
  const reports: Report[] = []
  for (const spec of specs) {
    const sum = manifest[spec.name]
    if (sum) reports.push(await importOne(linesOf(folder, spec.name), store, spec, sum.documents, progress))
  }
  return reports
}

async function importOne(path: string, store: Store, spec: CollectionSpec, of: number, progress: Progress): Promise<Report> {
  const collection = store.collection<Document>(spec)
  const wrong: string[] = []
  let [documents, already] = [0, 0]
  for await (const lines of pagesOf(inOrder(path, spec.text?.time))) {
    const page = lines.map((line) => JSON.parse(line) as Document)
    const isStored = await collection.insertMany(page)
    const met = page.flatMap(({ _id }, i) => (isStored[i] ? [] : [{ _id, line: lines[i]! }]))
    const there = await collection.getMany(met.map(({ _id }) => _id))
    for (const { _id, line } of met) {
      const document = there.get(_id)
      if (document && canonical(document) === line) already++
      else if (wrong.length < MAX_TOLD) wrong.push(`${_id} exists already with other content`)
    }
    documents += page.length
    if (page.length === PAGE) progress(spec.name, documents, of)
  }
  progress(spec.name, documents, of)
  return { collection: spec.name, documents, already, wrong }
}

/** Compares the stored data with a dump, by count and hash. */
export async function checkWith(
  folder: string,
  store: Store,
  specs: readonly CollectionSpec[],
  progress: Progress,
): Promise<Report[]> {
  return compare(await readManifest(folder), store, specs, progress)
}

async function compare(
  manifest: Manifest,
  store: Readable,
  specs: readonly CollectionSpec[],
  progress: Progress,
): Promise<Report[]> {
  const reports: Report[] = []
  for (const spec of specs) {
    const collection = store.collection(spec)
    const sum = createHash('sha256')
    let [documents, last] = [0, undefined as string | undefined]
    for (let isMore = true; isMore;) {
      const page = await collection.find({ limit: PAGE, ...(last !== undefined && { after: { _id: last } }) })
      for (const document of page) sum.update(`${canonical(document)}\n`)
      documents += page.length
      last = page.at(-1)?._id
      isMore = page.length === PAGE
      progress(spec.name, documents, manifest[spec.name]?.documents)
    }
    const wrong = differences(manifest[spec.name] ?? NONE, { documents, sha256: sum.digest('hex') })
    reports.push({ collection: spec.name, documents, wrong })
  }
  return reports
}

const NONE: Sum = { documents: 0, sha256: createHash('sha256').digest('hex') }

function differences(wanted: Sum, found: Sum): string[] {
  if (wanted.documents !== found.documents) return [`${found.documents} documents instead of ${wanted.documents}`]
  return wanted.sha256 === found.sha256 ? [] : ['as many documents, but not the same']
}

async function verify(folder: string, manifest: Manifest): Promise<void> {
  for (const [name, wanted] of Object.entries(manifest)) {
    const sum: Hash = createHash('sha256')
    let documents = 0
    for await (const line of wholeLines(linesOf(folder, name))) {
      sum.update(`${line}\n`)
      documents++
    }
    const [wrong] = differences(wanted, { documents, sha256: sum.digest('hex') })
    if (wrong !== undefined) throw new Error(`${name}.jsonl was changed after the export: ${wrong}`)
  }
}

/** The complete lines of a file. */
async function* wholeLines(path: string): AsyncGenerator<string> {
  const size = (await open(path).then((file) => file.stat().finally(() => file.close()))).size
  let read = 0
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    read += Buffer.byteLength(line) + 1
    if (read <= size) yield line
  }
}

async function* pagesOf(lines: AsyncIterable<string>): AsyncGenerator<string[]> {
  let page: string[] = []
  for await (const line of lines) {
    if (page.push(line) < PAGE) continue
    yield page
    page = []
  }
  if (page.length > 0) yield page
}

/** The documents in the order of a field, so that searches find them in the order in which they were created. */
async function* inOrder(path: string, time: string | undefined): AsyncGenerator<string> {
  if (time === undefined) return yield* wholeLines(path)
  const places: { at: string; start: number; bytes: number }[] = []
  let start = 0
  for await (const line of wholeLines(path)) {
    const bytes = Buffer.byteLength(line)
    const { [time]: at = '' } = JSON.parse(line) as Record<string, unknown>
    places.push({ at: String(at), start, bytes })
    start += bytes + 1
  }
  places.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : a.start - b.start))
  const file = await open(path)
  try {
    for (const place of places) {
      const { buffer } = await file.read({ buffer: Buffer.alloc(place.bytes), position: place.start })
      yield buffer.toString()
    }
  } finally {
    await file.close()
  }
}

async function readManifest(folder: string): Promise<Manifest> {
  if (!existsSync(manifestOf(folder))) throw new Error(`${folder} holds no complete export: run export again to finish it`)
  return manifestShape.parse(JSON.parse(await readFile(manifestOf(folder), 'utf8')))
}

const manifestOf = (folder: string): string => join(folder, 'manifest.json')
const linesOf = (folder: string, collection: string): string => join(folder, `${collection}.jsonl`)
const keyOf = (line: string): string => (JSON.parse(line) as Document)._id

/** JSON with sorted fields, because engines keep fields in different orders; on one line for every reader of lines. */
function canonical(value: unknown): string {
  const json = JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
  // JSON does not escape these, and readline of newer Node versions (seen with 24) ends a line at them.
  return json.replace(/[\u2028\u2029]/g, (end) => `\\u${end.charCodeAt(0).toString(16)}`)
}
