import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from '@jest/globals'
import { ROOT } from '../test/process.ts'

test.each(['SIGTERM', 'SIGINT'])(
  '%s that comes while code is loading is handled once it has loaded',
  async (signal) => {
    const script = `
    import { closeOnSignal } from './dist/shared/shutdown.js'
    import { openLog } from './dist/shared/log.js'
    process.kill(process.pid, '${signal}') // in the very turn of the event loop
    closeOnSignal([{ close: async () => console.log('closed') }], openLog('silent', 'test'))
    setTimeout(() => process.exit(3), 20_000)`
    const args = ['--import', './dist/shared/stop-early.mjs', '--input-type=module', '-e', script]
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] })
    let said = ''
    child.stdout.on('data', (data) => (said += String(data)))
    expect(await once(child, 'close')).toEqual([0, null])
    expect(said).toBe('closed\n')
  },
)
