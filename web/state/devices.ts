import { signal } from '@preact/signals'
import { CallError, type Call, type Conference } from '../../client/index.ts'
import { attempt, say } from './toasts.ts'

/** What this device sends in a call or a conference, and the buttons for it. */
export class Devices {
  readonly isMuted = signal(false)
  readonly isCameraOn = signal(false)
  readonly isSharing = signal(false)
  /** Changes when another track is sent, so that the own picture is drawn anew. */
  readonly shown = signal(0)
  readonly #one: Call | Conference
  /** Tracks that were opened here, not by the call: they must be stopped here, too. */
  readonly #opened = new Set<MediaStreamTrack>()
  #camera: MediaStreamTrack | undefined
  #wasCameraOn = false

  constructor(one: Call | Conference) {
    this.#one = one
    this.look()
  }

  get stream(): MediaStream | undefined {
    return this.#one.localStream
  }

  /** Takes up what the call sends now. */
  look(): void {
    this.isMuted.value = this.#one.isMuted('audio')
    this.isCameraOn.value = !this.#one.isMuted('video')
    this.shown.value++
  }

  toggleMute(): void {
    if (this.isMuted.value) this.#one.unmute('audio')
    else this.#one.mute('audio')
    this.look()
  }

  /** The camera of a call that began without one is opened when it is asked for. */
  async toggleCamera(): Promise<void> {
    if (this.isSharing.value) return this.stopSharing()
    const has = this.stream?.getVideoTracks().some(({ readyState }) => readyState === 'live')
    if (this.isCameraOn.value) this.#one.mute('video')
    else if (has) this.#one.unmute('video')
    else {
      await attempt(
        this.#open(() => navigator.mediaDevices.getUserMedia({ video: true })).then((track) =>
          this.#one.replace(track),
        ),
      )
    }
    this.look()
  }

  async toggleSharing(): Promise<void> {
    if (this.isSharing.value) return this.stopSharing()
    try {
      const screen = await this.#open(() => navigator.mediaDevices.getDisplayMedia({ video: true }))
      this.#wasCameraOn = this.isCameraOn.value
      this.#camera = this.#one.replace(screen)
      this.#one.unmute('video')
      this.isSharing.value = true
      screen.addEventListener('ended', () => this.stopSharing()) // the browser has a button of its own
      this.look()
    } catch (err) {
      if (!(err instanceof CallError) || err.code !== 'no_permission') await attempt(Promise.reject(err))
      else say('The screen is not shared: the browser was not allowed to.') // or the user closed its dialogue
    }
  }

  stopSharing(): void {
    if (!this.isSharing.value) return
    this.isSharing.value = false
    const screen = this.#camera ? this.#one.replace(this.#camera) : this.stream?.getVideoTracks()[0]
    screen?.stop()
    if (!this.#camera || !this.#wasCameraOn) this.#one.mute('video')
    this.#camera = undefined
    this.look()
  }

  close(): void {
    for (const track of this.#opened) track.stop()
  }

  async #open(ask: () => Promise<MediaStream>): Promise<MediaStreamTrack> {
    try {
      const [track] = (await ask()).getVideoTracks()
      this.#opened.add(track!)
      return track!
    } catch (err) {
      const { name } = err as Error
      const code =
        name === 'NotAllowedError' ? 'no_permission' : name === 'NotReadableError' ? 'device_busy' : 'no_device'
      throw new CallError(code, undefined, err)
    }
  }
}
