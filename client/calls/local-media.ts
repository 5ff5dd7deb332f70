import { CallError, type CallCode } from './call-error.ts'
import type { Environment } from './environment.ts'

/** A stream that the app has, or what to open: `{ audio: true, video: { width: 1280 } }`. */
export type Media = MediaStream | MediaStreamConstraints
export type Kind = 'audio' | 'video'

const REFUSALS: Record<string, CallCode> = {
  NotAllowedError: 'no_permission',
  SecurityError: 'no_permission',
  NotFoundError: 'no_device',
  OverconstrainedError: 'no_device',
  NotReadableError: 'device_busy',
}

/** What this device sends in a call. Tracks that it opened itself are stopped at the end; those of the app are the app's. */
export class LocalMedia {
  readonly stream: MediaStream
  readonly #opened: readonly MediaStreamTrack[]
  readonly #replaced = new Set<(old: MediaStreamTrack | undefined, track: MediaStreamTrack) => void>()

  private constructor(stream: MediaStream, opened: readonly MediaStreamTrack[]) {
    this.stream = stream
    this.#opened = opened
  }

  /** @throws {CallError} `no_permission`, `no_device`, `device_busy`, `unsupported` */
  static async open(media: Media, environment: Environment): Promise<LocalMedia> {
    const stream = environment.openStream()
    const isGiven = 'getTracks' in media
    const isNothing = !isGiven && !media.audio && !media.video
    const tracks = isGiven ? media.getTracks() : isNothing ? [] : await opened(media, environment)
    for (const track of tracks) stream.addTrack(track)
    return new LocalMedia(stream, isGiven ? [] : tracks)
  }

  isMuted(kind: Kind): boolean {
    return this.#tracks(kind).every((track) => !track.enabled)
  }

  mute(kind: Kind, muted = true): void {
    for (const track of this.#tracks(kind)) track.enabled = !muted
  }

  /** Puts a track in the place of the one of its kind, muted if that was. Returns the old one, which goes on: it may come back. */
  replace(track: MediaStreamTrack): MediaStreamTrack | undefined {
    const old = this.#tracks(track.kind)[0]
    if (old === track) return old
    if (old) {
      track.enabled = old.enabled
      this.stream.removeTrack(old)
    }
    this.stream.addTrack(track)
    for (const tell of this.#replaced) tell(old, track)
    return old
  }

  /** @returns a function that ends it */
  onReplaced(replaced: (old: MediaStreamTrack | undefined, track: MediaStreamTrack) => void): () => void {
    this.#replaced.add(replaced)
    return () => void this.#replaced.delete(replaced)
  }

  close(): void {
    for (const track of this.#opened) track.stop()
    this.#replaced.clear()
  }

  #tracks(kind: string): MediaStreamTrack[] {
    return this.stream.getTracks().filter((one) => one.kind === kind)
  }
}

async function opened(media: MediaStreamConstraints, environment: Environment): Promise<MediaStreamTrack[]> {
  try {
    return (await environment.getUserMedia(media)).getTracks()
  } catch (err) {
    const code = REFUSALS[(err as { name?: string } | undefined)?.name ?? '']
    throw code === undefined ? err : new CallError(code, undefined, err)
  }
}
