import type { MqttClient } from 'mqtt'
import { Calls, type Call, type Conference } from '../../client/calls/index.ts'
import type { Board } from '../../client/calls/board.ts'
import type { Person, Talk } from './talk.ts'

// The script of a page whose calls are those of the client. The tests drive it by `talk`.

declare const mqtt: Pick<typeof import('mqtt'), 'connect'>

/** Milliseconds between two looks. */
const EVERY = 100

function openBoard({ url, user, token, clientId }: Person): Board & { mqtt: MqttClient } {
  const client = mqtt.connect(url, {
    protocolVersion: 5,
    clientId,
    clean: false,
    properties: { sessionExpiryInterval: 600 },
    username: 'JWT',
    password: token,
    reconnectPeriod: 200,
  })
  const handlers = new Map<string, Set<(event: never) => void>>()
  const asked = new Map<string, (answer: { event: string }) => void>()
  const heard = new Set<string>()
  const pass = (name: string, value: unknown): void => handlers.get(name)?.forEach((one) => one(value as never))
  client.on('message', (_, payload) => {
    const text = payload.toString()
    if (heard.has(text)) return
    heard.add(text)
    const event = JSON.parse(text) as { event: string; re?: string }
    pass(event.event, event)
    asked.get(event.re ?? '')?.(event)
  })
  client.on('connect', () => pass('state', 'online'))
  client.on('close', () => pass('state', 'offline'))
  client.subscribe(`${user}_events`, { qos: 1 })
  return {
    mqtt: client,
    clientId,
    call: (name: string, fields: object) =>
      new Promise((resolve, reject) => {
        const id = Math.random().toString(36).slice(2)
        asked.set(id, (answer) =>
          answer.event === 'command_rejected' || answer.event === 'command_failed'
            ? reject(Object.assign(new Error(JSON.stringify(answer)), answer))
            : resolve(answer as never),
        )
        client.publish(name, JSON.stringify({ id, ...fields }), { qos: 1 })
      }),
    on: (name: string, handler: (event: never) => void) => {
      const all = handlers.get(name) ?? new Set()
      handlers.set(name, all.add(handler))
      return () => void all.delete(handler)
    },
  } as Board & { mqtt: MqttClient }
}

let board: ReturnType<typeof openBoard>

const talk: Talk = {
  media: { audio: true, video: { width: 320, height: 240, frameRate: 15 } },
  incoming: [],
  invitations: [],
  heard: [],
  states: [],
  async logsIn(person) {
    board = openBoard(person)
    talk.calls = new Calls(board, { iceTransportPolicy: person.policy })
    talk.calls.on('incoming', (call) => {
      talk.incoming.push(call)
      talk.watches(call)
    })
    talk.calls.on('invited', (invitation) => talk.invitations.push(invitation))
    await new Promise<void>((resolve) => board.mqtt.once('connect', () => resolve()))
  },
  watches(call: Call) {
    talk.call = call
    call.on('state', (state) => talk.states.push(state))
  },
  sits(conference: Conference) {
    talk.conference = conference
    conference.on('joined', ({ user }) => talk.heard.push(`${user} joined`))
    conference.on('left', ({ user }, reason) => talk.heard.push(`${user} ${reason}`))
    conference.on('ended', ({ code }) => talk.heard.push(`ended ${code}`))
  },
  isOnline: () => board.mqtt.connected,
  asks: (name, fields) => (board.call as (name: string, fields: object) => Promise<never>)(name, fields),
  async flow(of = talk.call) {
    const all = [...((await of?.getStats()) ?? new Map<string, unknown>()).values()] as Record<
      string,
      string & number
    >[]
    const find = (id: string | undefined) => all.find((one) => one['id'] === id)
    const pair = find(find(all.find((one) => one['type'] === 'transport')?.['id'])?.['selectedCandidatePairId'])
    const inbound = (kind: string) => all.filter((one) => one['type'] === 'inbound-rtp' && one['kind'] === kind)
    const sum = (kind: string, field: string) => inbound(kind).reduce((so, one) => so + (one[field] ?? 0), 0)
    return {
      frames: sum('video', 'framesDecoded'),
      isUpright: sum('video', 'frameHeight') > sum('video', 'frameWidth'),
      sound: sum('audio', 'bytesReceived'),
      way: find(pair?.['localCandidateId'])?.['candidateType'] ?? 'none',
      fragment: find(pair?.['localCandidateId'])?.['usernameFragment'] ?? 'none',
    }
  },
  async until(is) {
    while (!(await is())) await new Promise((resolve) => setTimeout(resolve, EVERY)) // counters have no events
  },
  async mediaFlow(of = talk.call) {
    const before = await talk.flow(of)
    await talk.until(async () => {
      const now = await talk.flow(of)
      return now.frames >= before.frames + 20 && now.sound > before.sound + 1_000
    })
  },
}
Object.assign(globalThis, { talk })
