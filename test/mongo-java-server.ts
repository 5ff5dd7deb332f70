import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { holdFolder } from '../broker/storage/hold-folder.ts'
import { ROOT } from './process.ts'

const SOURCES = `${ROOT}test/mongo-java-server`
const CACHE = `${ROOT}node_modules/.cache/mongo-java-server`

// mongo-java-server compares text by UTF-16 units, MongoDB by bytes: a test that sorts text with emoji among other rare characters
// would fail only there.
const COMPARATOR = 'de/bwaldvogel/mongo/backend/ValueComparator.java'
const BY_UTF16 = 'return value1.toString().compareTo(value2.toString());'
const BY_BYTES = `return java.util.Arrays.compareUnsigned(
    value1.toString().getBytes(java.nio.charset.StandardCharsets.UTF_8),
    value2.toString().getBytes(java.nio.charset.StandardCharsets.UTF_8));`

/** Name and version of the server, for the reader of the test output. */
export const MONGO_JAVA_SERVER = 'mongo-java-server 1.47.0, its order of text mended'

/** The Java class path of the launcher, fetched by Maven and compiled on first use. */
export async function mongoJavaServer(): Promise<string[]> {
  const sources = ['pom.xml', 'Launcher.java'].map((file) => readFileSync(join(SOURCES, file)))
  const digest = createHash('sha256').update(Buffer.concat(sources)).update(BY_BYTES).digest('hex').slice(0, 16)
  const built = join(CACHE, digest)
  mkdirSync(CACHE, { recursive: true })
  while (!existsSync(built)) {
    // Several processes may arrive at once, and Maven would write the same files in each of them.
    const held = await holdFolder(CACHE).catch(() => undefined)
    try {
      if (!held) await new Promise((resolve) => setTimeout(resolve, 200))
      else if (!existsSync(built)) build(built)
    } finally {
      await held?.close()
    }
  }
  return [join(built, 'classes'), join(built, 'lib', '*')] // classes first, with the patched one among them
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
    if (!text.includes(BY_UTF16)) throw new Error(`${COMPARATOR} is not the version that the patch is for`)
    writeFileSync(join(dir, COMPARATOR), text.replace(BY_UTF16, BY_BYTES))
    run('javac', '-cp', join('lib', '*'), '-d', 'classes', COMPARATOR, 'Launcher.java')
    renameSync(dir, built)
  } catch (error) {
    rmSync(dir, { recursive: true, force: true })
    throw error
  }
}
