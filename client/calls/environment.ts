import { CallError } from './call-error.ts'

/** What calls use of the browser or the phone. React Native has the same names from `registerGlobals()` of react-native-webrtc. */
export interface Environment {
  openConnection(config: RTCConfiguration): RTCPeerConnection
  openStream(): MediaStream
  /** Opens camera and microphone. */
  getUserMedia(constraints: MediaStreamConstraints): Promise<MediaStream>
  /** Tells when the device has moved to another network. @returns a function that ends it */
  onNetworkChange(changed: () => void): () => void
  /** Tells when the page goes away for good. @returns a function that ends it */
  onPageGone(gone: () => void): () => void
}

/** The browser's own, with what the app gives in its place. */
export function environment(given: Partial<Environment> = {}): Environment {
  return {
    openConnection(config) {
      if (typeof RTCPeerConnection === 'undefined') throw new CallError('unsupported')
      return new RTCPeerConnection(config)
    },
    openStream: () => new MediaStream(),
    async getUserMedia(constraints) {
      const devices = (globalThis.navigator as Partial<Navigator> | undefined)?.mediaDevices
      if (!devices) throw new CallError('unsupported')
      return devices.getUserMedia(constraints)
    },
    onNetworkChange(changed) {
      const connection = (globalThis.navigator as { connection?: unknown } | undefined)?.connection
      return listen([globalThis, 'online', changed], [connection, 'change', changed])
    },
    onPageGone(gone) {
      const leave = (event: Event): void => {
        if (!(event as PageTransitionEvent).persisted) gone()
      }
      return listen([globalThis, 'pagehide', leave])
    },
    ...given,
  }
}

/** Listens where there is something to listen to: React Native has no such events. */
function listen(...all: (readonly [target: unknown, event: string, handler: (event: Event) => void])[]): () => void {
  const heard = all.filter((one): one is [EventTarget, string, (event: Event) => void] => {
    const target = one[0] as Partial<EventTarget> | undefined
    return typeof target?.addEventListener === 'function'
  })
  for (const [target, event, handler] of heard) target.addEventListener(event, handler)
  return () => {
    for (const [target, event, handler] of heard) target.removeEventListener(event, handler)
  }
}
