import { signal } from '@preact/signals'
import {
  Rejected,
  type Call,
  type CallList,
  type CallingBoard,
  type CallState,
  type Conference,
  type ConferenceInvited,
  type Media,
  type Participant,
} from '../../client/index.ts'
import { board } from './board.ts'
import { Devices } from './devices.ts'
import { nameOf } from './people.ts'
import { read } from './reading.ts'
import { attempt, say } from './toasts.ts'
import { sentence } from './words.ts'

export type PastCall = CallList['calls'][number]

export interface TalkOfTwo {
  readonly kind: 'call'
  readonly call: Call
  readonly devices: Devices
}
export interface TalkOfMany {
  readonly kind: 'conference'
  readonly conference: Conference
  readonly devices: Devices
}

/** The call or conference on the stage. */
export const talk = signal<TalkOfTwo | TalkOfMany | undefined>(undefined)
export const callState = signal<CallState>('ringing')
/** When both sides began to hear each other, in milliseconds since 1970. */
export const since = signal<number | undefined>(undefined)
/** Increases when the other side sends another track. */
export const tracks = signal(0)
/** Those who are in the conference, besides this user. */
export const participants = signal<readonly Participant[]>([])
/** Calls that ring at this user. */
export const incoming = signal<readonly Call[]>([])
export const invitations = signal<readonly ConferenceInvited[]>([])
/** Whom this user is calling, while camera and microphone are opened. */
export const dialling = signal<string | undefined>(undefined)
/** The calls of before, newest first; undefined until they are fetched. */
export const pastCalls = signal<readonly PastCall[] | undefined>(undefined)

/** The most people in a conference. */
export const MAX_CONFERENCE = 8
/** Milliseconds for which an invitation is shown. */
const INVITATION = 60_000
const mediaOf = (withVideo: boolean): Media => ({ audio: true, video: withVideo && { width: { ideal: 1280 } } })

/** Calls somebody. */
export async function dial(user: string, withVideo: boolean): Promise<void> {
  if (isTaken()) return
  dialling.value = user
  try {
    const done = await attempt(board().calls.dial(user, mediaOf(withVideo)).then(show))
    if (!done) void fetchPastCalls()
  } finally {
    dialling.value = undefined
  }
}

/** Only the talk on the stage is spoken in: another one begins when it is over. */
function isTaken(): boolean {
  if (!talk.value && dialling.value === undefined) return false
  say('You are in a call. Hang up first.', true)
  return true
}

export async function answer(call: Call, withVideo: boolean): Promise<void> {
  if (talk.value) await leave()
  await attempt(call.answer(mediaOf(withVideo)).then(() => show(call)))
}

export const decline = (call: Call): Promise<boolean> => attempt(call.decline())

function show(call: Call): void {
  const devices = new Devices(call)
  talk.value = { kind: 'call', call, devices }
  follow(call.state)
  call.on('state', follow)
  call.on('track', () => (tracks.value += 1))
  tracks.value += 1

  function follow(state: CallState): void {
    if (talk.value?.kind !== 'call' || talk.value.call !== call) return
    callState.value = state
    if (state === 'connected') since.value ??= Date.now()
    if (state !== 'ended') return
    say(`${nameOf(call.user)}: ${sentence(call.end?.message ?? 'the call is over')}`)
    clear(devices)
  }
}

function clear(devices: Devices): void {
  devices.close()
  talk.value = undefined
  since.value = undefined
  participants.value = []
  void fetchPastCalls()
}

/** Begins a conference, and invites contacts. */
export async function confer(invite: string[], title?: string): Promise<void> {
  if (isTaken()) return
  const how = { ...(title !== undefined && { title }), ...(invite.length > 0 && { invite }) }
  await attempt(board().calls.createConference(mediaOf(true), how).then(showConference))
}

export async function join(invitation: ConferenceInvited): Promise<void> {
  if (talk.value) await leave()
  dismissInvitation(invitation)
  await attempt(board().calls.joinConference(invitation, mediaOf(true)).then(showConference))
}

export function dismissInvitation(invitation: ConferenceInvited): void {
  invitations.value = invitations.value.filter((one) => one !== invitation)
}

function showConference(conference: Conference): void {
  const devices = new Devices(conference)
  const look = (): void => {
    participants.value = [...conference.participants.values()]
    tracks.value += 1
  }
  talk.value = { kind: 'conference', conference, devices }
  since.value = Date.now()
  look()
  conference.on('joined', ({ user }) => {
    say(`${nameOf(user)} is here.`)
    look()
  })
  conference.on('left', ({ user }, reason) => {
    say(reason === 'left' ? `${nameOf(user)} has left.` : `${nameOf(user)} has lost the connection.`)
    look()
  })
  conference.on('state', look)
  conference.on('track', look)
  conference.on('ended', ({ code, message }) => {
    if (code !== 'left') say(sentence(message))
    clear(devices)
  })
}

/** Hangs up, or leaves. It is over here at once; the platform hears of it when it can. */
export async function leave(): Promise<void> {
  const now = talk.value
  if (now?.kind === 'call') void now.call.hangUp()
  else void now?.conference.leave()
}

export const inviteMore = (conference: Conference, users: string[]): Promise<boolean> =>
  attempt(conference.invite(users), 'They are invited.')

export function watchCalls(one: CallingBoard): void {
  one.calls.on('incoming', (call) => {
    incoming.value = [...incoming.value, call]
    call.on('state', () => {
      incoming.value = incoming.value.filter(({ state }) => state === 'ringing')
      if (call.state === 'ended') void fetchPastCalls()
    })
  })
  one.calls.on('invited', (invitation) => {
    invitations.value = [
      ...invitations.value.filter((old) => old.conference_id !== invitation.conference_id),
      invitation,
    ]
    setTimeout(() => dismissInvitation(invitation), INVITATION)
  })
  one.on('conference_ended', ({ conference_id }) => {
    invitations.value = invitations.value.filter((old) => old.conference_id !== conference_id)
  })
}

export async function fetchPastCalls(): Promise<void> {
  try {
    pastCalls.value = (await read(() => board().call('get_call_list', { limit: 50 }))).calls
  } catch (err) {
    if (err instanceof Rejected) pastCalls.value ??= []
  }
}
