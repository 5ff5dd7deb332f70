import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, delimiter, dirname, join } from 'node:path'
import { ROOT, SOURCE_FOLDERS } from './process.ts'

// Third-party programs that tests run against: a stand-in of ours would prove nothing. A test file names what it needs in a
// line such as `// @needs coturn, Chromium`. Before each run `scripts/real-parts.ts` installs what is missing, where it may; a file
// whose part is still missing is skipped, and the end of the output names it.

export interface RealPart {
  /** Does this machine have it? */
  readonly isHere: () => boolean
  /** The Debian packages that provide it. */
  readonly packages: readonly string[]
  /** A command that fetches the rest of it, and need not be root's. */
  readonly fetch?: readonly string[]
  /** The options of scripts/real-parts.ts that ask for it, if not every run needs it. */
  readonly only?: readonly string[]
}

const PYTHON = '/usr/bin/python3' // Debian's package of Paho is for Debian's Python
const MEMORY_SERVER = join(ROOT, 'node_modules/mongodb-memory-server-core')

/** The Keycloak that docker-compose.yml runs. */
const [, VERSION] = /keycloak\/keycloak:(\S+)/.exec(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8'))!
const COPY = 'org.apache.maven.plugins:maven-dependency-plugin:2.8:copy'
/** What is fetched from other registries than Debian's and npm's, kept for all copies of the repository. */
const FETCHED = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'switchboard')
/** Keycloak, packed: 180 MB. */
export const KEYCLOAK = join(FETCHED, `keycloak-quarkus-dist-${VERSION}.tar.gz`)
/** Kubernetes' own schemas, as a Python package carries them. */
export const KUBERNETES_SCHEMAS = join(FETCHED, 'kubernetes-validate-1.37.0')

/** A program that Go builds. Its name holds the version, so that a newer one is built anew. */
function goProgram(module: string, version: string): RealPart & { readonly path: string } {
  const folder = join(FETCHED, `${basename(module)}-${version}`)
  const path = join(folder, basename(module))
  const fetch = ['env', `GOBIN=${folder}`, 'go', 'install', `${module}@${version}`]
  return { path, isHere: () => existsSync(path), packages: ['golang-go'], fetch, only: ['--slow'] }
}
const helm = goProgram('helm.sh/helm/v3/cmd/helm', 'v3.22.0')
const kubeconform = goProgram('github.com/yannh/kubeconform/cmd/kubeconform', 'v0.7.0')
const actionlint = goProgram('github.com/rhysd/actionlint/cmd/actionlint', 'v1.7.12')
export const [HELM, KUBECONFORM, ACTIONLINT] = [helm.path, kubeconform.path, actionlint.path]

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
    only: ['--mongo', '--slow'],
  },
  Chromium: { isHere: () => onPath('chromium'), packages: ['chromium'], only: ['--slow'] },
  Keycloak: {
    isHere: () => onPath('java') && existsSync(KEYCLOAK),
    packages: ['default-jre-headless', 'maven'],
    fetch: [
      'mvn',
      '-q',
      '-B',
      COPY,
      `-Dartifact=org.keycloak:keycloak-quarkus-dist:${VERSION}:tar.gz`,
      `-DoutputDirectory=${dirname(KEYCLOAK)}`,
    ],
    only: ['--slow'],
  },
  helm,
  kubeconform,
  actionlint,
  'Kubernetes schemas': {
    isHere: () => existsSync(KUBERNETES_SCHEMAS),
    packages: ['python3-pip'],
    fetch: [
      'python3',
      '-m',
      'pip',
      'install',
      '-q',
      '--no-deps',
      '--target',
      KUBERNETES_SCHEMAS,
      basename(KUBERNETES_SCHEMAS).replace(/-(?=\d)/, '=='),
    ],
    only: ['--slow'],
  },
  buildah: { isHere: () => onPath('buildah'), packages: ['buildah'], only: ['--slow'] },
}

/** Patterns of the test files that another command runs: `npm run test:slow`, and `npm run test:mongo` with a server for all of them. */
export function runByOthers(): string[] {
  const slow = process.env['SLOW'] ? [] : ['/test/slow/']
  const mongo = process.env['TEST_MONGODB_URL'] ? [] : [String.raw`/shared/store/mongo(?!-errors)[\w-]*\.test\.ts$`]
  return [...slow, ...mongo]
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

/** The test files of this run, by their paths from the root. */
function testFiles(): string[] {
  const others = runByOthers().map((pattern) => new RegExp(pattern))
  return SOURCE_FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.test.ts'))
      .map((file) => `${folder}/${file}`)
      .filter((file) => !others.some((pattern) => pattern.test(`/${file}`))),
  )
}

function onPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((dir) => existsSync(join(dir, program)))
}
