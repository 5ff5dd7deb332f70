import { closeSync, existsSync, fsyncSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DiskRoom } from '../../broker/storage/disk-room.ts'
import type { Config } from '../../shared/config.ts'
import { dataFolder, mustBeUsable } from '../../shared/file-fault.ts'
import { filesForOthers } from '../../shared/private-files.ts'
import { sayOf, type Finding } from './finding.ts'

const { ok, warning, wrong } = sayOf('disk')
const GB = 2 ** 30
/** Attempts of which the median counts, and milliseconds above which commands feel it. */
const [TRIES, SLOW_MS] = [21, 20]

/** File systems by their number [statfs(2)] that need a word. */
const KINDS: ReadonlyMap<number, readonly ['warning' | 'wrong', string, string]> = new Map([
  [0x6969, ['wrong', 'NFS', 'LMDB and SQLite need locks and memory maps that it does not keep: use a local disk']],
  [0xff534d42, ['wrong', 'CIFS', 'LMDB and SQLite need locks and memory maps that it does not keep: use a local disk']],
  [0xfe534d42, ['wrong', 'SMB', 'LMDB and SQLite need locks and memory maps that it does not keep: use a local disk']],
  [0x01021997, ['warning', '9p', 'It is shared with a host, which may not keep an fsync: use a volume']],
  [0x01021994, ['warning', 'tmpfs', 'It is memory: everything is lost with the machine. Use a disk']],
  [
    0x794c7630,
    ['warning', 'overlayfs', 'It is the container’s own layer, and lost with the container: mount a volume there'],
  ],
])

/** Can DATA_DIR be used, is it private, is there room, is it of a kind that keeps what it acknowledges, and how fast is that? */
export function checkDisk(config: Config): Finding[] {
  const { DATA_DIR } = config
  try {
    dataFolder(config)
    mustBeUsable('DATA_DIR', [join(DATA_DIR, 'handlers.db'), join(DATA_DIR, 'broker', 'broker.lmdb')])
  } catch (err) {
    return [wrong((err as Error).message, 'The broker and the handlers must be able to read and write there')]
  }
  return [...privacy(config), room(DATA_DIR), kind(DATA_DIR), speed(DATA_DIR)]
}

function privacy({ DATA_DIR, TLS_KEY }: Config): Finding[] {
  const open = filesForOthers(DATA_DIR, TLS_KEY === undefined || !existsSync(TLS_KEY) ? [] : [TLS_KEY])
  if (open.length === 0) return [ok('other users cannot read our files')]
  return [
    wrong(`other users can read or write ${open.slice(0, 5).join(', ')}`, `chmod go-rwx ${open.slice(0, 5).join(' ')}`),
  ]
}

function room(DATA_DIR: string): Finding {
  const { bavail, bsize } = statfsSync(DATA_DIR)
  const free = `${((bavail * bsize) / GB).toFixed(1)} GiB free in DATA_DIR`
  if (new DiskRoom(DATA_DIR).left <= 1)
    return wrong(`${free}: new commands are answered \`unavailable\``, 'Free some space, or move DATA_DIR')
  return bavail * bsize < GB ? warning(free, 'Free some space: below 64 MiB nothing new is accepted') : ok(free)
}

function kind(DATA_DIR: string): Finding {
  const { type } = statfsSync(DATA_DIR)
  const [state, name, todo] = KINDS.get(type) ?? []
  if (state === undefined) return ok(`a local file system (0x${type.toString(16)})`)
  return state === 'wrong' ? wrong(`DATA_DIR is on ${name}`, todo!) : warning(`DATA_DIR is on ${name}`, todo!)
}

function speed(DATA_DIR: string): Finding {
  const file = join(DATA_DIR, `doctor-${process.pid}`)
  const taken: number[] = []
  const fd = openSync(file, 'w', 0o600)
  try {
    for (let i = 0; i < TRIES; i++) {
      const began = performance.now()
      writeSync(fd, Buffer.alloc(4_096), 0, 4_096, 0)
      fsyncSync(fd)
      taken.push(performance.now() - began)
    }
  } finally {
    closeSync(fd)
    rmSync(file)
  }
  const median = taken.toSorted((a, b) => a - b)[TRIES >> 1]!
  const text = `an fsync takes ${median.toFixed(1)} ms (median of ${TRIES})`
  return median > SLOW_MS
    ? warning(
        `${text}: each command waits for one`,
        'Use an SSD, or a volume with a write cache that survives power failures',
      )
    : ok(text)
}
