import { effect, signal } from '@preact/signals'
import { incoming, talk } from './calls.ts'

// Rings while somebody calls, and nobody is spoken to. The tone is computed, so nothing is loaded. Browsers let a page be heard only
// after a click or a key on it: until then a call is seen, not heard.

const KEY = 'switchboard.ring'
/** The tone, in seconds and hertz: when each note begins, how high it is, and when all begins anew. */
const NOTES = [
  [0, 659],
  [0.18, 784],
  [0.36, 988],
  [0.9, 784],
  [1.08, 988],
] as const
const [NOTE, LOOP, LOUDNESS] = [0.5, 3, 0.2]

/** Does this browser ring? Otherwise a call is only shown. */
export const doesRing = signal(localStorage.getItem(KEY) !== 'off')
const context = signal<AudioContext | undefined>(undefined)

/** Rings from now on whenever somebody calls. */
export function watchRinging(): void {
  const allowed = (event: Event): void => {
    if (event.isTrusted) context.value ??= new AudioContext()
  }
  for (const name of ['pointerdown', 'keydown']) addEventListener(name, allowed, { once: true, capture: true })
  effect(() => localStorage.setItem(KEY, doesRing.value ? 'on' : 'off'))
  effect(() => {
    const isRinging = doesRing.value && incoming.value.length > 0 && !talk.value
    return context.value && (isRinging ? ring(context.value) : void context.value.suspend())
  })
}

/** @returns a function that ends it */
function ring(on: AudioContext): () => void {
  const tone = on.createBufferSource()
  tone.buffer = toneFor(on)
  tone.loop = true
  tone.connect(on.destination)
  tone.start()
  void on.resume()
  return () => tone.stop()
}

function toneFor(on: AudioContext): AudioBuffer {
  const { sampleRate } = on
  const buffer = on.createBuffer(1, LOOP * sampleRate, sampleRate)
  const samples = buffer.getChannelData(0)
  for (const [begin, pitch] of NOTES) {
    const first = Math.round(begin * sampleRate)
    for (let i = 0; i < NOTE * sampleRate; i++) {
      const time = i / sampleRate
      const fade = Math.min(1, time * 100) * Math.exp(-8 * time) * (1 - time / NOTE) // without clicks at its ends
      samples[first + i]! += LOUDNESS * fade * Math.sin(2 * Math.PI * pitch * time)
    }
  }
  return buffer
}
