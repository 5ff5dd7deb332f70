import { execFile, spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Closable } from '../shared/shutdown.ts'
import { ROOT } from './process.ts'

// Builds deploy/Dockerfile with Debian's buildah, as root and without a daemon. The base image is assembled from this machine's
// node, npm and shell, since the real one cannot be fetched everywhere.

const run = promisify(execFile)
/** Programs of the base image that the Dockerfile, docker-compose.yml and npm use. */
const PROGRAMS = ['sh', 'env', 'install', 'grep', 'cut', 'sleep', 'ls', 'id', 'rm']
const PASSWD = 'root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n'
const GROUP = 'root:x:0:\nnode:x:1000:\n'

/** Runs a command in the mounts of a container of docker-compose.yml: the root, /data, /run/secrets, the working directory. */
const CONTAINER = `
  root=$1 data=$2 secrets=$3 dir=$4
  shift 4
  mount --bind "$root" "$root"
  mount -o remount,bind,ro "$root"
  mount -t tmpfs tmpfs "$root/tmp"
  mount --rbind /dev "$root/dev"
  mount --bind "$data" "$root/data"
  mount --bind "$secrets" "$root/run/secrets"
  exec unshare -pf --kill-child --mount-proc -R "$root" -w "$dir" -S 1000 -G 1000 -- env -i "$@"
`

/** Why the image cannot be built here; undefined when it can. */
export function cannotBuild(): string | undefined {
  return process.getuid?.() === 0 ? undefined : 'it needs root'
}

export interface Image extends Closable {
  /** The default command of its containers, and their user. */
  readonly config: { Cmd: string[]; User: string; WorkingDir: string; Env: string[] }
  /**
   * Runs a command as docker-compose.yml does: as PID 1 of a container, as uid 1000, on a read-only root, with /tmp, /data and
   * /run/secrets. The network is this machine's.
   * @param mounts a folder of this machine for each of /data and /run/secrets
   */
  start(command: string[], env: Record<string, string>, mounts: { data: string; secrets: string }): Container
}

export interface Container {
  /** The process outside the container, with the same exit code as the one inside. */
  readonly child: ReturnType<typeof spawn>
  /** Its output so far, stdout and stderr. */
  said: string
  readonly ended: Promise<number | null>
}

/** Builds the image from the working tree. */
export async function buildImage(): Promise<Image> {
  const dir = mkdtempSync(join(tmpdir(), 'image-'))
  const store = ['--root', join(dir, 'store'), '--runroot', join(dir, 'run')]
  const buildah = async (...args: string[]): Promise<string> => {
    const { stdout } = await run('buildah', [...store, ...args], { maxBuffer: 2 ** 26 })
    return stdout.trim()
  }
  const close = async (): Promise<void> => {
    await buildah('umount', '--all').catch(() => {})
    await buildah('rm', '--all').catch(() => {})
    rmSync(dir, { recursive: true, force: true })
  }
  try {
    const base = join(dir, 'base')
    makeBase(base)
    const scratch = await buildah('from', 'scratch')
    await buildah('copy', '-q', scratch, base, '/')
    const from = /^FROM (\S+)/m.exec(readFileSync(join(ROOT, 'deploy/Dockerfile'), 'utf8'))![1]!
    await buildah('commit', '-q', scratch, `docker.io/library/${from}`)
    const ignore = ['--ignorefile', join(ROOT, 'deploy/Dockerfile.dockerignore')]
    const network = ['--isolation', 'chroot', '--network', 'host', ...npmMounts(dir)]
    await buildah('build', '--pull-never', ...ignore, ...network, '-f', `${ROOT}deploy/Dockerfile`, '-t', 'ours', ROOT)
    const container = await buildah('from', '--pull-never', 'localhost/ours')
    const root = await buildah('mount', container)
    mkdirSync(join(root, 'run/secrets'), { recursive: true }) // as Docker does
    const inspected = JSON.parse(await buildah('inspect', container)) as { OCIv1: { config: Image['config'] } }
    const { config } = inspected.OCIv1
    return {
      config,
      close,
      start(command, env, { data, secrets }) {
        const settings = [...config.Env, ...Object.entries(env).map(([name, value]) => `${name}=${value}`)]
        const child = spawn(
          'unshare',
          ['-m', 'sh', '-ec', CONTAINER, 'sh', root, data, secrets, config.WorkingDir, ...settings, ...command],
          {
            stdio: ['ignore', 'pipe', 'pipe'],
          },
        )
        const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)))
        const made: Container = { child, said: '', ended }
        for (const output of [child.stdout, child.stderr]) {
          output.setEncoding('utf8').on('data', (text: string) => (made.said += text))
        }
        return made
      },
    }
  } catch (err) {
    await close()
    throw err
  }
}

function makeBase(root: string): void {
  for (const folder of ['lib', 'usr/bin', 'usr/lib', 'etc', 'root', 'tmp', 'proc', 'sys', 'dev', 'data', 'home/node']) {
    mkdirSync(join(root, folder), { recursive: true })
  }
  symlinkSync('usr/bin', join(root, 'bin'))
  writeFileSync(join(root, 'etc/passwd'), PASSWD)
  writeFileSync(join(root, 'etc/group'), GROUP)
  for (const program of PROGRAMS) copyProgram(root, which(program), `/usr/bin/${program}`)
  copyProgram(root, process.execPath, '/usr/bin/node')
  const npm = join(dirname(spawnSync('realpath', [which('npm')], { encoding: 'utf8' }).stdout.trim()), '..')
  cpSync(npm, join(root, 'usr/lib/node_modules/npm'), { recursive: true })
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/bin/npm'))
  // Libraries that getpwnam and getaddrinfo load when called, and those of libc that native packages need.
  const [libc] = librariesOf(process.execPath).filter((file) => /\/libc\.so/.test(file))
  for (const name of ['libnss_files.so.2', 'libnss_dns.so.2', 'libresolv.so.2', 'librt.so.1']) {
    const library = join(dirname(libc!), name)
    if (existsSync(library)) copyFile(root, library, library)
  }
}

function which(program: string): string {
  return spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).stdout.trim()
}

function copyProgram(root: string, from: string, to: string): void {
  copyFile(root, from, to)
  for (const library of librariesOf(from)) if (!existsSync(join(root, library))) copyFile(root, library, library)
}

function copyFile(root: string, from: string, to: string): void {
  mkdirSync(dirname(join(root, to)), { recursive: true })
  cpSync(from, join(root, to), { dereference: true })
}

function librariesOf(program: string): string[] {
  const { stdout } = spawnSync('ldd', [program], { encoding: 'utf8' })
  return [...stdout.matchAll(/(\/\S+)/g)].map(([, file]) => file!)
}

/** Lets npm in the build use this machine's registry and trusted certificates. */
function npmMounts(dir: string): string[] {
  const setting = (name: string): string =>
    spawnSync('npm', ['config', 'get', name], { encoding: 'utf8' }).stdout.trim()
  const files = ['globalconfig', 'userconfig'].map(setting).filter((file) => existsSync(file))
  const npmrc = join(dir, 'npmrc')
  writeFileSync(npmrc, files.map((file) => readFileSync(file, 'utf8')).join('\n'), { mode: 0o600 })
  const trusted = [setting('cafile'), '/etc/ssl/certs/ca-certificates.crt'].filter((file) => existsSync(file))
  return ['-v', `${npmrc}:/root/.npmrc:ro`, ...[...new Set(trusted)].flatMap((file) => ['-v', `${file}:${file}:ro`])]
}
