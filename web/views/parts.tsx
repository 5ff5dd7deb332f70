import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { isOnline } from '../state/board.ts'
import { nameOf, presence } from '../state/people.ts'
import { attempt } from '../state/toasts.ts'
import { Icon, type IconName } from './icon.tsx'

const HUES = 8

/** The same hue for the same id, everywhere. */
export function hueOf(id: string): number {
  let hash = 0
  for (const letter of id) hash = (hash * 31 + letter.codePointAt(0)!) >>> 0
  return hash % HUES
}

function initialsOf(name: string): string {
  const words = name.split(/[\s.:_-]+/).filter(Boolean)
  const letters =
    words.length > 1 ? [words[0]!, words.at(-1)!].map((word) => Array.from(word)[0]!) : Array.from(name).slice(0, 1)
  return letters.join('').toUpperCase()
}

/** Stands for a user; decoration beside their name. With `shows`, it tells whether they are online. */
export function Avatar({
  user,
  size = 'm',
  shows = false,
}: {
  user: string
  size?: 's' | 'm' | 'l' | 'xl'
  shows?: boolean
}) {
  const status = shows && isOnline.value ? (presence.value.get(user)?.status ?? 'offline') : undefined
  return (
    <span class={`avatar avatar-${size} hue-${hueOf(user)}`} aria-hidden="true">
      {initialsOf(nameOf(user))}
      {status && <span class={`dot dot-${status}`} />}
    </span>
  )
}

export function GroupAvatar({ id, title, size = 'm' }: { id: string; title: string; size?: 's' | 'm' | 'l' | 'xl' }) {
  return (
    <span class={`avatar avatar-group avatar-${size} hue-${hueOf(id)}`} aria-hidden="true">
      {initialsOf(title)}
    </span>
  )
}

/** A button that is a drawing; `label` is what it does, for those who hear it and as a tip. */
export function IconButton({
  icon,
  label,
  onClick,
  look = 'plain',
  pressed,
}: {
  icon: IconName
  label: string
  onClick: () => void
  look?: string
  pressed?: boolean
}) {
  return (
    <button
      type="button"
      class={`icon-button ${look}`}
      aria-label={label}
      title={label}
      aria-pressed={pressed}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  )
}

/** A button for something that takes a while: it says so, and cannot be pressed twice. */
export function ActionButton({
  act,
  done,
  look = '',
  icon,
  children,
}: {
  act: () => Promise<unknown>
  /** What is said when it went well. */
  done?: string
  look?: string
  icon?: IconName
  children: ComponentChildren
}) {
  const [isBusy, setBusy] = useState(false)
  const press = (): void => {
    if (isBusy) return
    setBusy(true)
    void attempt(act(), done).then(() => setBusy(false))
  }
  return (
    <button type="button" class={`button ${look}`} aria-disabled={isBusy} onClick={press}>
      {isBusy ? <Icon name="spinner" size={16} /> : icon && <Icon name={icon} size={16} />}
      {children}
    </button>
  )
}

/** What a place says while there is nothing in it. */
export function Empty({ icon, title, children }: { icon: IconName; title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <span class="empty-icon">
        <Icon name={icon} size={28} />
      </span>
      <h2>{title}</h2>
      {children}
    </div>
  )
}

/** A window over the page. The browser keeps the focus in it, and Escape closes it. */
export function Dialog({
  title,
  onClose,
  children,
}: {
  title: string
  onClose: () => void
  children: ComponentChildren
}) {
  const dialog = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null
    dialog.current?.showModal()
    return () => before?.focus()
  }, [])
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby={id} onClose={onClose}>
      <header>
        <h2 id={id}>{title}</h2>
        <IconButton icon="close" label="Close" onClick={() => dialog.current?.close()} />
      </header>
      {children}
    </dialog>
  )
}

/** Asks before something that cannot be undone. */
export function Confirm({
  title,
  text,
  verb,
  act,
  onClose,
}: {
  title: string
  text: string
  verb: string
  act: () => Promise<unknown>
  onClose: () => void
}) {
  const confirmed = async (): Promise<void> => {
    await act()
    onClose()
  }
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{text}</p>
      <footer>
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
        <ActionButton look="danger" act={confirmed}>
          {verb}
        </ActionButton>
      </footer>
    </Dialog>
  )
}

export function Loading({ what }: { what: string }) {
  return (
    <p class="loading" role="status">
      <Icon name="spinner" size={16} /> Loading {what}…
    </p>
  )
}

export function SearchBox({
  label,
  value,
  onInput,
}: {
  label: string
  value: string
  onInput: (text: string) => void
}) {
  return (
    <label class="search-box">
      <Icon name="search" size={16} />
      <input
        type="search"
        aria-label={label}
        placeholder={label}
        value={value}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </label>
  )
}
