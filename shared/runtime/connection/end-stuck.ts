import { Session } from 'node:inspector'
import { openLog } from '../../log.ts'
import type { Stuck } from './running.ts'

/** Exit code of a process that ended itself because its handlers' thread was stuck. */
export const EXIT_STUCK = 70
/** Milliseconds in which the main thread may answer to a question that interrupts it. */
const PATIENCE = 1_000
const MAX_WHERE = 2_000
/** The stack below the question. */
const WHERE = `new Error().stack.split('\\n').slice(2).join('\\n')`

/**
 * Ends this process from its connection thread, so that whoever supervises it starts it again. A thread's `process.exit` would end
 * that thread alone. So the main thread, interrupted in what it computes as by a debugger, says where it is and exits; if it does
 * not even do that, the process is killed. Node says on stderr that it waits for the debugger to disconnect; it means this
 * thread, and does not wait.
 */
export async function endStuck(group: string, { name, overMs }: Stuck): Promise<void> {
  const killed = setTimeout(() => process.kill(process.pid, 'SIGKILL'), 3 * PATIENCE)
  const log = openLog('error', group) // the main thread's own is as stuck as that
  const main = new Session()
  main.connectToMainThread()
  const where = await Promise.race([evaluate(main, WHERE), later()])
  log.error(
    { group, command: name, overMs, ...(where !== undefined && { where: where.slice(0, MAX_WHERE) }) },
    'a handler computes past its time limit and holds up this process, which ends so that it is started again',
  )
  await Promise.race([evaluate(main, `process.exit(${EXIT_STUCK})`), later()])
  clearTimeout(killed)
  process.kill(process.pid, 'SIGKILL')
}

/** What an expression is in the main thread, as text. */
async function evaluate(main: Session, expression: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    main.post('Runtime.evaluate', { expression }, (err, answer) => {
      const value: unknown = err ? undefined : answer.result.value
      resolve(typeof value === 'string' ? value : undefined)
    })
  })
}

async function later(): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), PATIENCE))
}
