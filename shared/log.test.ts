import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from '@jest/globals'
import { ROOT } from '../test/process.ts'

const SCRIPT = `
  import { openLog } from './shared/log.ts'
  const log = openLog('info', 'test')
  log.info('here')
  process.stdin.once('data', () => {
    log.info('some of'); log.info('the last words')
    process.exit(7)
  })`

test.each([
  ['is read', false],
  ['nobody reads any more', true],
])('a process whose log %s says its last words and ends', async (_, isGone) => {
  const args = ['--import', 'tsx', '--input-type=module', '-e', SCRIPT]
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['pipe', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.on('data', (data) => (said += String(data)))
  await once(child.stdout, 'data')
  if (isGone) {
    child.stdout.destroy()
    await once(child.stdout, 'close')
  }
  child.stdin.write('now')
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
  expect(await once(child, 'close')).toEqual([7, null])
  clearTimeout(timer)
  expect(said.includes('the last words')).toBe(!isGone)
})
