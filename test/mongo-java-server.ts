import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isAlive, ROOT } from './process.ts'

const SOURCES = `${ROOT}test/mongo-java-server`
const CACHE = `${ROOT}node_modules/.cache/mongo-java-server`

// mongo-java-server compares text by UTF-16, MongoDB byte by byte: what sorts text with an emoji among other rare letters
// would fail there alone.
const COMPARATOR = 'de/bwaldvogel/mongo/backend/ValueComparator.java'
const BY_UTF16 = 'return value1.toString().compareTo(value2.toString());'
const BY_BYTES = `return java.util.Arrays.compareUnsigned(
    value1.toString().getBytes(java.nio.charset.StandardCharsets.UTF_8),
    value2.toString().getBytes(java.nio.charset.StandardCharsets.UTF_8));`

/** What the server is, for whoever reads that the tests passed on it. */
export const MONGO_JAVA_SERVER = 'mongo-java-server 1.47.0, its order of text mended'

/** The Java class path of the launcher, which is fetched by Maven and compiled when it is not there yet. */
export function mongoJavaServer(): string[] {
  const sources = ['pom.xml', 'Launcher.java'].map((file) => readFileSync(join(SOURCES, file)))
  const digest = createHash('sha256').update(Buffer.concat(sources)).update(BY_BYTES).digest('hex').slice(0, 16)
  const built = join(CACHE, digest)
  if (!existsSync(built)) alone(() => existsSync(built) || build(built))
  return [join(built, 'classes'), join(built, 'lib', '*')] // the classes first, the mended one among them
}

/** Several come at once, each a process of its own, and Maven would write the same files for all of them. */
function alone(work: () => void): void {
  mkdirSync(CACHE, { recursive: true })
  const lock = join(CACHE, 'lock')
  for (;;) {
    try {
      writeFileSync(lock, `${process.pid}`, { flag: 'wx' })
      break
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
      if (isLeft(lock)) rmSync(lock, { force: true })
    }
  }
  try {
    work()
  } finally {
    rmSync(lock, { force: true })
  }
}

/** By a process that has died. */
function isLeft(lock: string): boolean {
  try {
    const pid = Number(readFileSync(lock, 'utf8'))
    return pid > 0 && !isAlive(pid)
  } catch {
    return false // it is gone by now
  }
}

function build(built: string): void {
  const dir = mkdtempSync(join(CACHE, 'building-'))
  const run = (program: string, ...args: string[]): void =>
    void execFileSync(program, args, { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] })
  try {
    cpSync(SOURCES, dir, { recursive: true })
    const fetch = ['-q', '-B', 'org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies']
    run('mvn', ...fetch, '-DoutputDirectory=lib')
    run('mvn', ...fetch, '-DoutputDirectory=src', '-Dclassifier=sources', '-DincludeArtifactIds=mongo-java-server-core')
    run('jar', 'xf', join('src', 'mongo-java-server-core-1.47.0-sources.jar'), COMPARATOR)
    const text = readFileSync(join(dir, COMPARATOR), 'utf8')
    if (!text.includes(BY_UTF16)) throw new Error(`${COMPARATOR} is not what is to be mended`)
    writeFileSync(join(dir, COMPARATOR), text.replace(BY_UTF16, BY_BYTES))
    run('javac', '-cp', join('lib', '*'), '-d', 'classes', COMPARATOR, 'Launcher.java')
    renameSync(dir, built)
  } catch (error) {
    rmSync(dir, { recursive: true, force: true })
    throw error
  }
}
