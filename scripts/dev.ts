import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { readConfig } from '../shared/config.ts'
import { openLog } from '../shared/log.ts'
import { groupsIn } from '../shared/runtime/scan.ts'
import { closeOnSignal, type Closable } from '../shared/shutdown.ts'
import { inspectPorts } from './inspect-ports.ts'
import { giveUp, HANDLERS, startPlatform, type Platform } from './platform.ts'
import { watchTree } from './watch-tree.ts'

// npm run dev [-- --inspect[=9229]]: the platform, reloaded on save; with --inspect, each process has its own debugger port. A new
// process serves before the old one finishes its work and ends.

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** Milliseconds without changes before a reload: editors write a file in several steps. */
const QUIET = 80

/** Folders whose files go into the web page. */
const OF_PAGE = ['client', 'web']

/** Builds the web page, with the rest of dist/: a process of its own reads the page's build anew. */
async function build(): Promise<void> {
  await promisify(execFile)(process.execPath, [`${ROOT}scripts/build.mjs`])
}

/** Reloads what the changed files belong to: the page, the broker, one group, or all groups. */
async function reload(platform: Platform, files: Set<string>): Promise<void> {
  const concerns = (folder: string): boolean => [...files].some((file) => file.startsWith(folder))
  if (OF_PAGE.some((folder) => concerns(`${folder}/`))) {
    await build()
    await platform.broker.reload()
  }
  if (concerns('broker/')) await platform.broker.restart()
  else if (concerns('handlers/')) await platform.broker.reload() // first, because a group's key grants what the broker has read
  for (const group of await groupsIn(HANDLERS)) {
    const part = platform.groups.get(group)
    if (!part) await platform.add(group)
    else if (concerns(`handlers/${group}/`) || concerns('shared/')) await part.replace()
  }
}

async function main(): Promise<void> {
  const config = readConfig()
  const log = openLog(config.LOG_LEVEL, 'dev')
  const opened: Closable[] = []
  closeOnSignal(opened, log, 40_000)
  if (config.WEB === 'on') await build()
  const inspect = inspectPorts(process.argv.slice(2))
  const platform = await startPlatform(config, opened, inspect).catch((err: unknown) => giveUp(opened, err))

  const changed = new Set<string>()
  let timer: NodeJS.Timeout | undefined
  let reloading = Promise.resolve()
  const settle = (): void => {
    const files = new Set(changed)
    changed.clear()
    reloading = reloading
      .then(() => reload(platform, files))
      .then(
        () => log.info({ files: [...files] }, 'reloaded'),
        (err: Error) => log.error({ reason: err.message }, 'reload failed; the old processes run on'),
      )
  }
  const folders = [
    'broker',
    'handlers',
    'shared',
    ...(config.WEB === 'on' ? OF_PAGE.filter((one) => existsSync(ROOT + one)) : []),
  ]
  for (const folder of folders) {
    const watched = watchTree(`${ROOT}${folder}`, (name) => {
      if (name.endsWith('.test.ts') || !(name.endsWith('.ts') || folder === 'web')) return
      changed.add(`${folder}/${name}`)
      clearTimeout(timer)
      timer = setTimeout(settle, QUIET)
    })
    opened.push(watched)
  }
}

main().catch((err: unknown) => {
  process.stderr.write(`${(err as Error).message}\n`)
  process.exit(1)
})
