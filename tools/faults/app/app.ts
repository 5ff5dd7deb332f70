import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect, fileStore } from '../../../client/node.ts'

// An app, as a process that may be killed at any moment: sends numbered messages to another user, and writes down what it hears. It uses
// `call` and `on`, and nothing of its own against loss or repetition.

/** Calls that wait for their answers at a time. */
const IN_FLIGHT = 6

const {
  APP_URL = '',
  APP_CA = '',
  APP_TOKEN = '',
  APP_USER = '',
  APP_PEER = '',
  APP_MESSAGES = '',
  APP_DIR = '',
} = process.env
const fileOf = (name: string): string => join(APP_DIR, `${APP_USER}.${name}`)
const [heardFile, answeredFile, faultsFile] = [fileOf('heard'), fileOf('answered'), fileOf('faults')] as const
const linesOf = (file: string): string[] =>
  existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []
const write = (file: string, line: string): void => appendFileSync(file, `${line}\n`)

const board = connect({
  url: APP_URL,
  ca: readFileSync(APP_CA, 'utf8'),
  token: () => APP_TOKEN,
  store: fileStore(join(APP_DIR, `${APP_USER}.outbox`)),
})
board.on('message_received', ({ from, body, event_seq, message_id }) => {
  if (from !== APP_USER) write(heardFile, `${from} ${body} ${event_seq} ${message_id}`)
})
const answered = new Set(linesOf(answeredFile).map(Number))
board.on('message_sent', ({ re }) => {
  const number = Number(re!.split('-')[1])
  if (answered.has(number)) return
  answered.add(number)
  write(answeredFile, String(number))
})
if (APP_MESSAGES !== '0') board.on('reset', () => write(faultsFile, 'reset, and this is not its first start'))
board.on('uncertain', ({ message }) => write(faultsFile, message))
board.on('fault', (err) => write(faultsFile, String(err)))
board.on('state', (state, reason) => state === 'refused' && write(faultsFile, `refused: ${reason}`))

await board.call('whoami') // from now on it has what an earlier process left
const waiting = new Set(board.waiting.map(({ id }) => Number(id.split('-')[1])))
let next = 0

async function sendAll(): Promise<void> {
  while (next < Number(APP_MESSAGES)) {
    const number = next++
    if (answered.has(number) || waiting.has(number)) continue
    try {
      await board.call('send_message', { to: APP_PEER, body: String(number) }, { id: `${APP_USER}-${number}` })
    } catch (err) {
      write(faultsFile, `${number}: ${String(err)}`)
    }
  }
}
if (APP_MESSAGES === '0') await board.close() // its first login, from which on it may miss nothing
await Promise.all(Array.from({ length: IN_FLIGHT }, sendAll))
process.send?.('all is sent')
