import { useEffect, useState } from 'preact/hooks'
import { isOnline, me } from '../../state/board.ts'
import {
  callState,
  dialling,
  leave,
  participants,
  since,
  talk,
  tracks,
  type TalkOfMany,
  type TalkOfTwo,
} from '../../state/calls.ts'
import { nameOf } from '../../state/people.ts'
import { Icon } from '../icon.tsx'
import { Avatar } from '../parts.tsx'
import { duration } from '../times.ts'
import { Controls } from './controls.tsx'
import { Tile } from './tile.tsx'

const WORDS = {
  ringing: 'Ringing…',
  connecting: 'Connecting…',
  connected: '',
  reconnecting: 'The connection was lost. Looking for another way…',
  ended: 'The call is over.',
} as const

/** The call or the conference that goes on, over the rest of the page; it may be made small. */
export function Stage() {
  const [isSmall, setSmall] = useState(false)
  const now = talk.value
  if (!now) return dialling.value === undefined ? null : <Dialling user={dialling.value} />
  const title = now.kind === 'call' ? nameOf(now.call.user) : (now.conference.title ?? 'Conference')
  return (
    <section class={`stage ${isSmall ? 'small' : ''}`} aria-label={`Call: ${title}`}>
      <header>
        <h2>{title}</h2>
        <p class="call-state" role="status">
          {now.kind === 'call' && WORDS[callState.value]}
          {now.kind === 'conference' && participants.value.length === 0 && 'Waiting for the others…'}
        </p>
        <Clock />
        {!isOnline.value && <p class="call-state">The service is away; the call goes on.</p>}
        <button type="button" class="button small" onClick={() => setSmall(!isSmall)}>
          {isSmall ? 'Enlarge' : 'Make small'}
        </button>
      </header>
      {now.kind === 'call' ? <Two now={now} /> : <Many now={now} />}
      <Controls now={now} onHangUp={() => void leave()} />
    </section>
  )
}

/** Does a stream hold a picture now? */
const hasPicture = (stream: MediaStream | undefined): boolean =>
  stream?.getVideoTracks().some(({ readyState, enabled, muted }) => readyState === 'live' && enabled && !muted) ?? false

function Two({ now: { call, devices } }: { now: TalkOfTwo }) {
  const remote = call.remoteStream
  useTrackChanges(remote)
  return (
    <div class="tiles two">
      <Tile user={call.user} stream={remote} version={tracks.value} hasPicture={hasPicture(remote)} />
      <Tile
        user={me.value ?? ''}
        stream={devices.stream}
        version={devices.shown.value}
        hasPicture={devices.isCameraOn.value}
        isScreen={devices.isSharing.value}
        isOwn
      />
    </div>
  )
}

function Many({ now: { devices } }: { now: TalkOfMany }) {
  return (
    <div class={`tiles many count-${Math.min(participants.value.length + 1, 8)}`}>
      {participants.value.map((one) => (
        <Other key={one.id} one={one} />
      ))}
      <Tile
        user={me.value ?? ''}
        stream={devices.stream}
        version={devices.shown.value}
        hasPicture={devices.isCameraOn.value}
        isScreen={devices.isSharing.value}
        isOwn
      />
    </div>
  )
}

function Other({ one }: { one: (typeof participants.value)[number] }) {
  useTrackChanges(one.stream)
  const note = one.state === 'connected' ? undefined : 'connecting…'
  return (
    <Tile user={one.user} stream={one.stream} version={tracks.value} hasPicture={hasPicture(one.stream)} note={note} />
  )
}

/** Draws again when a track of the other side goes quiet or comes back: nothing else tells. */
function useTrackChanges(stream: MediaStream | undefined): void {
  const [, draw] = useState(0)
  useEffect(() => {
    const changed = (): void => draw((count) => count + 1)
    const heard = stream?.getTracks() ?? []
    for (const track of heard) for (const event of ['mute', 'unmute', 'ended']) track.addEventListener(event, changed)
    return () => {
      for (const track of heard)
        for (const event of ['mute', 'unmute', 'ended']) track.removeEventListener(event, changed)
    }
  }, [stream, tracks.value])
}

function Clock() {
  const [, tick] = useState(0)
  useEffect(() => {
    const timer = setInterval(() => tick((count) => count + 1), 1_000)
    return () => clearInterval(timer)
  }, [])
  return since.value === undefined ? null : <span class="clock">{duration(Date.now() - since.value)}</span>
}

function Dialling({ user }: { user: string }) {
  return (
    <section class="stage" aria-label={`Call: ${nameOf(user)}`}>
      <div class="tiles two">
        <div class="tile">
          <Avatar user={user} size="xl" />
          <p role="status">
            <Icon name="spinner" size={16} /> Calling {nameOf(user)}… Allow the microphone if the browser asks.
          </p>
        </div>
      </div>
    </section>
  )
}
