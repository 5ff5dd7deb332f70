import { dismiss, toasts } from '../state/toasts.ts'
import { Icon } from './icon.tsx'
import { IconButton } from './parts.tsx'

/** What has just happened, or gone wrong. */
export function Toasts() {
  return (
    <div class="toasts" role="region" aria-label="Notices" aria-live="polite">
      {toasts.value.map(({ id, text, isError }) => (
        <p key={id} class={`toast ${isError ? 'error' : ''}`} role={isError ? 'alert' : 'status'}>
          <Icon name={isError ? 'warning' : 'check'} size={16} />
          <span>{text}</span>
          <IconButton icon="close" label="Dismiss" onClick={() => dismiss(id)} look="small" />
        </p>
      ))}
    </div>
  )
}
