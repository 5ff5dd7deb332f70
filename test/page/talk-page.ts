import { connect, type Call, type CallingBoard, type Conference } from '../../client/index.ts'
import type { Talk } from './talk.ts'

// The script of a page that calls through the client library. Tests drive it through `talk`.

/** Milliseconds between two checks. */
const EVERY = 100

let board: CallingBoard

const talk: Talk = {
  media: { audio: true, video: { width: 320, height: 240, frameRate: 15 } },
  incoming: [],
  invitations: [],
  heard: [],
  states: [],
  async logsIn({ url, token, policy }) {
    board = connect({ url, token: () => token, calls: { iceTransportPolicy: policy } })
    talk.calls = board.calls
    talk.calls.on('incoming', (call) => {
      talk.incoming.push(call)
      talk.watches(call)
    })
    talk.calls.on('invited', (invitation) => talk.invitations.push(invitation))
    await talk.until(() => talk.isOnline())
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
  wakes: () => board.retry(),
  sight: async () =>
    JSON.stringify({
      board: board.state,
      call: talk.call && { state: talk.call.state, flow: await talk.flow() },
      others: await Promise.all(
        [...(talk.conference?.participants.values() ?? [])].map(async (one) => [
          one.user,
          one.state,
          await talk.flow(one),
        ]),
      ),
      heard: talk.heard,
      states: talk.states,
    }),
  isOnline: () => board.state === 'online',
  callList: async () => (await board.call('get_call_list')).calls,
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
