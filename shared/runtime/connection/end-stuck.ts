import { Session } from 'node:inspector'
import { openLog } from '../../log.ts'
import type { Stuck } from './running.ts'

/** Exit code of a process that ended itself because its handlers' thread was stuck. */
export const EXIT_STUCK = 70
/** Milliseconds for the main thread to answer the inspector. */
const PATIENCE = 1_000
const MAX_WHERE = 2_000
/** Evaluates to the stack of the main thread, without the evaluation's own frame. */
const WHERE = `new Error().stack.split('\\n').slice(2).join('\\n')`

/**
 * Ends this process from its connection thread, so that its supervisor restarts it. `process.exit` in a thread would end only that
 * thread. So the main thread is interrupted as by a debugger, reports its stack, and exits; when it does not answer, the process
 * is killed. Node prints on stderr that it waits for the debugger to disconnect: it means this thread, and does not wait.
 */
export async function endStuck(group: string, { name, overMs }: Stuck): Promise<void> {
  const killed = setTimeout(() => process.kill(process.pid, 'SIGKILL'), 3 * PATIENCE)
  const log = openLog('error', group) // the main thread's log is as stuck as the thread
  const main = new Session()
  main.connectToMainThread()
  const where = await Promise.race([evaluate(main, WHERE), later()])
  log.error(
    { group, command: name, overMs, ...(where !== undefined && { where: where.slice(0, MAX_WHERE) }) },
    'a handler computes past its time limit and blocks this process; exiting to be restarted',
  )
  await Promise.race([evaluate(main, `process.exit(${EXIT_STUCK})`), later()])
  clearTimeout(killed)
  process.kill(process.pid, 'SIGKILL')
}

/** Evaluates an expression in the main thread; undefined when the result is not a string. */
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
