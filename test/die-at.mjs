// Loaded before a process of ours, kills it with SIGKILL at the point that DIE_AT names. For crash-points.test.ts.

import Database from 'libsql'
import { Collection } from 'mongodb'
import mqemitter from 'mqemitter'
import mqtt from 'mqtt'
import packets from 'mqtt-packet'

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
if (point === 'said') {
  wrap(
    mqtt.MqttClient.prototype,
    'publish',
    (publish) =>
      function (topic, ...rest) {
        if (topic === '$done') dieSoon()
        return publish.call(this, topic, ...rest)
      },
  )
}
// What belongs to the end of the one command that the test is about.
const isOurs = ({ topic, payload }) => topic.endsWith('_events') && /contact_request/.test(String(payload))
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
            isEnding ||= this.name === 'answers' && method === 'put'
            if (
              this.name === table &&
              method === (table === 'commands' ? 'remove' : 'put') &&
              (isEnding || method === 'remove')
            )
              die()
            return write.apply(this, args)
          },
      )
    }
    return made
  })
}
let out = 0
if (point === 'out' || point === 'unacknowledged') {
  const most = point === 'out' ? Number(table) : Infinity
  wrap(
    Object.getPrototypeOf(mqemitter()),
    'emit',
    (emit) =>
      function (message, done) {
        if (!isOurs(message)) return emit.call(this, message, done)
        if (out === most) dieSoon() // the rest never leaves
        return out++ < most ? emit.call(this, message, done) : this
      },
  )
}
if (point === 'unacknowledged') {
  wrap(packets, 'writeToStream', (write) => (packet, ...rest) => {
    if (out < 2 || packet.cmd !== 'puback') return write(packet, ...rest)
    dieSoon()
    return true
  })
}
