import { useState } from 'preact/hooks'
import { inviteMore, MAX_CONFERENCE, participants, type TalkOfMany, type TalkOfTwo } from '../../state/calls.ts'
import { friends } from '../../state/people.ts'
import { PickPeople } from '../groups/pick-people.tsx'
import { Dialog, IconButton } from '../parts.tsx'

/** The buttons under a call. */
export function Controls({ now, onHangUp }: { now: TalkOfTwo | TalkOfMany; onHangUp: () => void }) {
  const { devices } = now
  const [isInviting, setInviting] = useState(false)
  const [muted, camera, sharing] = [devices.isMuted.value, devices.isCameraOn.value, devices.isSharing.value]
  const canShare = 'getDisplayMedia' in (navigator.mediaDevices ?? {})
  return (
    <div class="controls" role="toolbar" aria-label="Call">
      <IconButton
        icon={muted ? 'mic-off' : 'mic'}
        label={muted ? 'Unmute' : 'Mute'}
        pressed={muted}
        look="round"
        onClick={() => devices.toggleMute()}
      />
      <IconButton
        icon={camera ? 'video' : 'video-off'}
        label={camera ? 'Turn the camera off' : 'Turn the camera on'}
        pressed={!camera}
        look="round"
        onClick={() => void devices.toggleCamera()}
      />
      {canShare && (
        <IconButton
          icon="screen"
          label={sharing ? 'Stop sharing the screen' : 'Share the screen'}
          pressed={sharing}
          look="round"
          onClick={() => void devices.toggleSharing()}
        />
      )}
      {now.kind === 'conference' && (
        <IconButton icon="plus" label="Invite more people" look="round" onClick={() => setInviting(true)} />
      )}
      <IconButton
        icon="hang-up"
        label={now.kind === 'call' ? 'Hang up' : 'Leave the conference'}
        look="round hang-up"
        onClick={onHangUp}
      />
      {isInviting && now.kind === 'conference' && <Invite now={now} onClose={() => setInviting(false)} />}
    </div>
  )
}

function Invite({ now: { conference }, onClose }: { now: TalkOfMany; onClose: () => void }) {
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set())
  const here = new Set(participants.value.map(({ user }) => user))
  const others = friends.value.filter((user) => !here.has(user))
  const invite = (): void => {
    onClose()
    if (picked.size > 0) void inviteMore(conference, [...picked])
  }
  return (
    <Dialog title="Invite more people" onClose={onClose}>
      <PickPeople
        legend="Your contacts"
        among={others}
        picked={picked}
        most={MAX_CONFERENCE - 1 - here.size}
        onPick={setPicked}
      />
      <footer>
        <button type="button" class="button primary" onClick={invite}>
          Invite
        </button>
      </footer>
    </Dialog>
  )
}
