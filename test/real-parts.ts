import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { ROOT, SOURCE_FOLDERS } from './process.ts'

// Third-party programs that tests run against: a stand-in of ours would prove nothing. A test file names what it needs in a
// line such as `// @needs coturn, Chromium`. Before each run `scripts/real-parts.ts` installs what is missing, where it may; a file
// whose part is still missing is skipped, and the end of the output names it.

export interface RealPart {
  /** Does this machine have it? */
  readonly isHere: () => boolean
  /** The Debian packages that provide it. */
  readonly packages: readonly string[]
  /** Does only `npm run test:slow` need it? */
  readonly slow?: true
}

const PYTHON = '/usr/bin/python3' // Debian's package of Paho is for Debian's Python
const MEMORY_SERVER = join(ROOT, 'node_modules/mongodb-memory-server-core')

export const REAL_PARTS: Record<string, RealPart> = {
  coturn: { isHere: () => onPath('turnserver'), packages: ['coturn'] },
  mosquitto_sub: { isHere: () => onPath('mosquitto_sub'), packages: ['mosquitto-clients'] },
  Paho: {
    isHere: () => spawnSync(PYTHON, ['-c', 'import paho.mqtt.client'], { stdio: 'ignore' }).status === 0,
    packages: ['python3-paho-mqtt'],
  },
  openssl: { isHere: () => onPath('openssl'), packages: ['openssl'] },
  // Debian has no mongod. Java and Maven build a server that speaks its protocol: mongo-java-server.ts
  MongoDB: {
    isHere: () => onPath('mongod') || existsSync(MEMORY_SERVER) || (onPath('javac') && onPath('mvn')),
    packages: ['default-jdk-headless', 'maven'],
  },
  Chromium: { isHere: () => onPath('chromium'), packages: ['chromium'], slow: true },
  buildah: { isHere: () => onPath('buildah'), packages: ['buildah'], slow: true },
}

/** The test files that cannot run on this machine, with their missing parts. */
export function cannotRun(): Map<string, string[]> {
  const missing = Object.keys(REAL_PARTS).filter((name) => !REAL_PARTS[name]!.isHere())
  if (missing.length === 0) return new Map()
  const lacking = testFiles().map((file) => [file, partsOf(file).filter((name) => missing.includes(name))] as const)
  return new Map(lacking.filter(([, parts]) => parts.length > 0))
}

/** @throws when a file needs an unknown part */
export function partsOf(file: string): string[] {
  const parts = /^\/\/ @needs (.+)$/m.exec(readFileSync(join(ROOT, file), 'utf8'))?.[1]?.split(', ') ?? []
  const unknown = parts.find((name) => !(name in REAL_PARTS))
  if (unknown !== undefined) throw new Error(`${file} needs ${unknown}, which test/real-parts.ts does not know`)
  return parts
}

/** All test files by their paths from the root; slow ones on request. */
function testFiles(): string[] {
  return SOURCE_FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.test.ts') && (process.env['SLOW'] || !file.startsWith('slow/')))
      .map((file) => `${folder}/${file}`),
  )
}

function onPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((dir) => existsSync(join(dir, program)))
}
