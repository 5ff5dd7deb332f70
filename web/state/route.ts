import { computed, signal } from '@preact/signals'

export type Section = 'chats' | 'people' | 'calls' | 'settings'

/** Where the page is, such as `/chats/user/bob` or `/people/profile/bob`: the part of the address behind `#`. */
const path = signal(here())

addEventListener('hashchange', () => (path.value = here()))

function here(): string[] {
  return location.hash.replace(/^#\/?/, '').split('/').filter(Boolean).map(decode)
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

export const section = computed<Section>(() => {
  const [first] = path.value
  return first === 'people' || first === 'calls' || first === 'settings' ? first : 'chats'
})

/** What the main pane shows, and the message in it to which it goes; nothing on the lists. */
export const open = computed(() => {
  const [, kind, id = '', at] = path.value
  return kind === undefined ? undefined : { kind, id, at }
})

export function hrefOf(...parts: string[]): string {
  return `#/${parts.map(encodeURIComponent).join('/')}`
}

export function go(...parts: string[]): void {
  location.hash = hrefOf(...parts)
}
