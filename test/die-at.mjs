// Loaded before a process of ours, kills it with SIGKILL at the point that DIE_AT names. For crash-points.test.ts.

import { syncBuiltinESMExports } from 'node:module'
import tls from 'node:tls'
import Database from 'libsql'
import { Collection } from 'mongodb'

const die = () => process.kill(process.pid, 'SIGKILL')
/** Long enough for what was written before to leave. */
const dieSoon = () => setTimeout(die, 30)
const [point, table] = (process.env.DIE_AT ?? '').split(' ')

/** Replaces a method by one that is given the original. */
function wrap(owner, name, make) {
  const original = owner[name]
  owner[name] = make(original)
}

if (point === 'committed') {
  let isDocument = false // and no table or index, which are made at the start
  wrap(
    Database.prototype,
    'prepare',
    (prepare) =>
      function (sql) {
        const statement = prepare.call(this, sql)
        wrap(statement, 'run', (run) => (...values) => {
          const result = run.apply(statement, values)
          isDocument ||= sql.includes('(_id, doc)')
          if (isDocument && sql === 'COMMIT') die()
          return result
        })
        return statement
      },
  )
}
if (point === 'committed') {
  // What MongoDB has acknowledged is committed.
  for (const method of ['insertOne', 'replaceOne']) {
    wrap(
      Collection.prototype,
      method,
      (write) =>
        async function (...args) {
          const done = await write.apply(this, args)
          die()
          return done
        },
    )
  }
}
if (point === 'storing') {
  // LMDB makes a class for each file that it opens, and assigns its methods.
  let isEnding = false
  wrap(Object, 'assign', (assign) => (target, source, ...more) => {
    const made = assign(target, source, ...more)
    if (!source?.put || !source.remove || !source.transaction) return made
    for (const method of ['put', 'remove']) {
      wrap(
        target,
        method,
        (write) =>
          function (...args) {
            isEnding ||= this.name === 'queue' && method === 'put' && (args[1][1] & 2) !== 0 // it holds an answer
            if (this.name === table && method === 'put' && isEnding) die()
            return write.apply(this, args)
          },
      )
    }
    return made
  })
}

/** Sees what goes out on each connection, before it is encrypted. `see` returns false for what must not leave. */
function watchSockets(see) {
  const watch = (owner) =>
    wrap(
      owner,
      'write',
      (write) =>
        function (chunk, ...rest) {
          return see(Buffer.from(chunk)) ? write.call(this, chunk, ...rest) : true
        },
    )
  watch(tls.TLSSocket.prototype) // those of a server; a client's have a method of their own
  wrap(tls, 'connect', (connect) => (...args) => {
    const socket = connect(...args)
    watch(socket)
    return socket
  })
  syncBuiltinESMExports()
}
/** What belongs to the end of the one command that the test is about. */
const isOurs = (bytes) => bytes.includes('contact_request')
if (point === 'said') {
  watchSockets((bytes) => {
    if (bytes.includes('$done') && isOurs(bytes)) dieSoon()
    return true
  })
}
const PUBACK = 0x40
let out = 0
if (point === 'out' || point === 'unacknowledged') {
  const most = point === 'out' ? Number(table) : 2
  watchSockets((bytes) => {
    if (bytes.includes('_events') && isOurs(bytes)) {
      if (point === 'unacknowledged' && out + 1 === most) dieSoon()
      if (out === most) dieSoon() // the rest never leaves
      return out++ < most
    }
    return !(point === 'unacknowledged' && out >= most && bytes[0] === PUBACK) // what acknowledges the end may also have left before the last event
  })
}
