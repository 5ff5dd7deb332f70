import { spawn } from 'node:child_process'
import { readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { holdFolder } from '../broker/storage/hold-folder.ts'

// Holds a folder until it is killed, as a broker in another container does. With a program as second argument it then starts
// that program, lets it inherit the open lock file, as a library might, and reports its process id.

const [folder = '', program] = process.argv.slice(2)
await holdFolder(folder)
setInterval(() => {}, 60_000) // nothing else keeps this process alive

/** This process' descriptor of the open file. */
function descriptorOf(file: string): number {
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      if (readlinkSync(`/proc/self/fd/${fd}`) === file) return Number(fd)
    } catch {
      // The descriptor of the listing itself.
    }
  }
  throw new Error(`${file} is not open`)
}

if (program === undefined) process.send!('held')
else {
  const fd = descriptorOf(join(folder, 'hold.db'))
  const heir = spawn('sh', ['-c', program], { stdio: ['ignore', 'ignore', 'inherit', fd] })
  if (program.includes('sleep')) process.send!(heir.pid)
  else heir.once('close', () => process.send!('ended'))
}
