import { createHash } from 'node:crypto'
import { createReadStream, readFileSync } from 'node:fs'
import { open, readdir, readFile, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { FORMAT } from '../../broker/core/format.ts'
import { EXTENSION } from '../../shared/own-modules.ts'

// backup.json, written last: a folder without it is no backup.

/** The form of a backup itself. */
const BACKUP = 1
const PACKAGE = new URL(EXTENSION === '.ts' ? '../../package.json' : '../../../package.json', import.meta.url)

const shape = z.object({
  backup: z.number(),
  /** The moment of which the copies are, by the clock of the machine; ISO 8601. */
  made_at: z.string(),
  /** Of Switchboard. */
  version: z.string(),
  broker_format: z.number(),
  files: z.record(z.string(), z.object({ bytes: z.number(), sha256: z.string() })),
})
export type Backup = z.infer<typeof shape>

/** The broker's storage within a backup, and the folder with the export of the handlers' data. */
export const brokerIn = (folder: string): string => join(folder, 'broker.lmdb')
export const dataIn = (folder: string): string => join(folder, 'data')
const manifestIn = (folder: string): string => join(folder, 'backup.json')

/** Writes the manifest of all files in the folder, fsynced like them. */
export async function writeManifest(folder: string, madeAt: string, brokerFormat: number): Promise<Backup> {
  const files: Backup['files'] = {}
  for (const name of (await readdir(folder, { recursive: true })).toSorted()) {
    const path = join(folder, name)
    if (!(await stat(path)).isFile()) continue
    await sync(path)
    files[name] = await sumOf(path)
  }
  const { version } = z.object({ version: z.string() }).parse(JSON.parse(readFileSync(PACKAGE, 'utf8')))
  const manifest: Backup = { backup: BACKUP, made_at: madeAt, version, broker_format: brokerFormat, files }
  const part = `${manifestIn(folder)}.part`
  const file = await open(part, 'w', 0o600)
  try {
    await file.writeFile(`${JSON.stringify(manifest, null, 2)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(part, manifestIn(folder))
  await sync(folder)
  return manifest
}

/**
 * Reads the manifest, and every file that it names.
 * @throws {Error} when the folder holds no complete backup, a file of it has changed, or a newer version has made it
 */
export async function readBackup(folder: string, progress: (file: string) => void): Promise<Backup> {
  const text = await readFile(manifestIn(folder), 'utf8').catch((err: NodeJS.ErrnoException) => {
    if (err.code !== 'ENOENT') throw err
    throw new Error(`${folder} holds no complete backup: backup.json, which is written last, is not there`)
  })
  const manifest = shape.parse(JSON.parse(text))
  if (manifest.backup > BACKUP || manifest.broker_format > FORMAT) {
    throw new Error(
      `${folder}: version ${manifest.version} of Switchboard has made this backup, in a format that this version does not know. Restore it with that version`,
    )
  }
  for (const [name, wanted] of Object.entries(manifest.files)) {
    progress(name)
    const found = await sumOf(join(folder, name)).catch((err: NodeJS.ErrnoException) => {
      throw err.code === 'ENOENT' ? new Error(`${join(folder, name)} is missing: use another backup`) : err
    })
    if (found.bytes !== wanted.bytes || found.sha256 !== wanted.sha256) {
      throw new Error(`${join(folder, name)} was changed or damaged after the backup: use another backup`)
    }
  }
  return manifest
}

async function sumOf(path: string): Promise<{ bytes: number; sha256: string }> {
  const sum = createHash('sha256')
  let bytes = 0
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 }) as AsyncIterable<Buffer>) {
    sum.update(chunk)
    bytes += chunk.length
  }
  return { bytes, sha256: sum.digest('hex') }
}

/** Fsyncs a file or folder. */
export async function sync(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
