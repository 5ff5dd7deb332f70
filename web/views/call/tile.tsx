import { useEffect, useRef } from 'preact/hooks'
import { nameForMe } from '../../state/people.ts'
import { Avatar } from '../parts.tsx'

/** What somebody sends: their picture, or who they are. `version` changes when the stream's tracks do. */
export function Tile({
  user,
  stream,
  version,
  isOwn = false,
  hasPicture,
  isScreen = false,
  note,
}: {
  user: string
  stream: MediaStream | undefined
  version: number
  isOwn?: boolean
  hasPicture: boolean
  isScreen?: boolean
  note?: string | undefined
}) {
  const video = useRef<HTMLVideoElement>(null)
  useEffect(() => {
    const player = video.current
    if (!player) return
    if (player.srcObject !== (stream ?? null)) player.srcObject = stream ?? null
    player.play().catch(() => {}) // it was taken away before it began
  }, [stream, version])
  return (
    <figure class={`tile ${isOwn && !isScreen ? 'mirrored' : ''} ${isScreen ? 'screen' : ''}`}>
      <video
        ref={video}
        autoplay
        playsInline
        muted={isOwn}
        class={hasPicture ? '' : 'unseen'}
        aria-label={`Picture of ${nameForMe(user)}`}
      />
      {!hasPicture && <Avatar user={user} size="xl" />}
      <figcaption>
        {nameForMe(user)}
        {note !== undefined && <span role="status"> · {note}</span>}
      </figcaption>
    </figure>
  )
}
