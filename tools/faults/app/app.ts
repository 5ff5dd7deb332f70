import dns from 'node:dns'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { connect, fileStore, NotStored, Uncertain } from '../../../client/node.ts'
import { storeThatFills } from './store-that-fills.ts'

// An app, as a process that may be killed at any moment: sends numbered messages to another user, and writes down what it hears. It uses
// `call` and `on`, and nothing of its own against loss or repetition; but it does what the docs tell every app to do: after `reset` it
// fetches the conversation, after `uncertain` it looks before it sends again, and what the full disk did not take it calls again.

/** Calls that wait for their answers at a time. */
const IN_FLIGHT = 6
/** Milliseconds before it calls again what could not be stored. */
const AGAIN = 200

const { env } = process
const text = (name: string): string => env[name] ?? ''
const [USER, PEER, FROM] = [text('APP_USER'), text('APP_PEER'), text('APP_FROM')]
const MESSAGES = Number(text('APP_MESSAGES'))
const fileOf = (name: string): string => join(text('APP_DIR'), `${USER}.${name}`)
const linesOf = (name: string): string[] =>
  existsSync(fileOf(name)) ? readFileSync(fileOf(name), 'utf8').split('\n').slice(0, -1) : []
const write = (name: string, line: string): void => appendFileSync(fileOf(name), `${line}\n`)

// The platform's name has an address of each family, as on the Internet. `localhost` may lack one.
Object.assign(dns, {
  lookup: (_host: string, _options: object, found: (err: null, all: dns.LookupAddress[]) => void) =>
    found(null, [
      { address: '127.0.0.1', family: 4 },
      { address: '::1', family: 6 },
    ]),
})

const { now } = Date
process.on('message', ({ clock, full }: { clock?: number; full?: boolean }) => {
  if (clock !== undefined) Date.now = () => now() + clock
  if (full !== undefined) disk.isFull = full
})

const disk = { isFull: false }
const board = connect({
  url: text('APP_URL'),
  ca: readFileSync(text('APP_CA'), 'utf8'),
  token: () => text('APP_TOKEN'),
  store: storeThatFills(fileStore(fileOf('outbox')), disk),
})

const old = linesOf('heard').map((line) => line.split(' '))
/** The place in the conversation up to which it has been heard, and up to which it was fetched after a `reset`. */
let [last, fetched] = [0, 0]
for (const [, , eventSeq, , seq] of old) {
  last = Math.max(last, Number(seq))
  if (eventSeq === '-') fetched = Math.max(fetched, Number(seq))
}
interface Message {
  from: string
  body?: string
  seq: number
  message_id: string
}
function hear({ from, body, seq, message_id }: Message, eventSeq: number | '-'): void {
  last = Math.max(last, seq)
  write('heard', `${from} ${body} ${eventSeq} ${message_id} ${seq}`)
}
board.on('message_received', (event) => {
  if (event.from !== USER && event.seq > fetched) hear(event, event.event_seq!)
})
board.on('reset', async () => {
  if (MESSAGES === 0) return // its first start
  const before = last
  let count = 0
  for (let more = true; more;) {
    const page = await board.call('get_messages', { with: FROM, after: last, limit: 50 })
    for (const one of page.messages.toSorted((a, b) => a.seq - b.seq)) {
      if (one.from === FROM) {
        hear(one, '-')
        count++
      }
      last = Math.max(last, one.seq)
    }
    fetched = last
    more = page.more
  }
  write('resets', `${count} after ${before}`)
})
const answered = new Set(linesOf('answered').map(Number))
board.on('message_sent', ({ re }) => isAnswered(Number(re!.split('-')[1])))
board.on('uncertain', ({ id }) => write('uncertain', id))
board.on('fault', (err) => {
  if ((err as { code?: string }).code !== 'ENOSPC') write('faults', String(err))
})
board.on('state', (state, reason) => {
  if (state === 'refused') write('faults', `refused: ${reason}`)
})

function isAnswered(number: number): void {
  if (answered.has(number)) return
  answered.add(number)
  write('answered', String(number))
}

await board.call('whoami') // from now on it has what an earlier process left
const waiting = new Set(board.waiting.map(({ id }) => Number(id.split('-')[1])))
let next = 0

async function send(number: number, tries = 0): Promise<void> {
  const id = `${USER}-${number}${tries > 0 ? `-${tries}` : ''}`
  try {
    await board.call('send_message', { to: PEER, body: String(number) }, { id })
  } catch (err) {
    if (err instanceof NotStored) {
      await pause(AGAIN)
      await send(number, tries)
    } else if (err instanceof Uncertain) {
      if (await isThere(String(number))) isAnswered(number)
      else await send(number, tries + 1)
    } else write('faults', `${number}: ${String(err)}`)
  }
}

/** Has this been sent, after all? */
async function isThere(body: string): Promise<boolean> {
  for (let before: number | undefined; ;) {
    const page = await board.call('get_messages', { with: PEER, limit: 50, ...(before !== undefined && { before }) })
    if (page.messages.some((one) => one.from === USER && one.body === body)) return true
    if (!page.more) return false
    before = Math.min(...page.messages.map(({ seq }) => seq))
  }
}

async function sendAll(): Promise<void> {
  while (next < MESSAGES) {
    const number = next++
    if (!answered.has(number) && !waiting.has(number)) await send(number)
  }
}
if (MESSAGES === 0) await board.close() // its first login, from which on it may miss nothing
await Promise.all(Array.from({ length: IN_FLIGHT }, sendAll))
process.send?.('all is sent')
