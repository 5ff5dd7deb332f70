import { useEffect, useState } from 'preact/hooks'
import { fetchConfig } from '../../config.ts'
import { canPush, disablePush, enablePush, hasPush } from '../../push.ts'
import { board } from '../../state/board.ts'
import { attempt } from '../../state/toasts.ts'

/** Has the browser tell of messages and calls while no page is open, where the platform is set up for it. */
export function Notify() {
  const [key, setKey] = useState<string>()
  const [isOn, setOn] = useState(false)
  useEffect(() => {
    void hasPush().then(setOn)
    fetchConfig().then(
      ({ vapidPublicKey }) => setKey(vapidPublicKey),
      () => {}, // offline: the switch is not there
    )
  }, [])
  if (key === undefined || !canPush()) return null
  const toggle = async (wanted: boolean): Promise<void> => {
    setOn(wanted)
    await attempt(wanted ? enablePush(board(), key) : disablePush(board()))
    setOn(await hasPush())
  }
  return (
    <section aria-label="Notifications">
      <label class="switch">
        <span>Notify me in this browser while the page is closed</span>
        <input
          type="checkbox"
          role="switch"
          checked={isOn}
          onChange={(event) => void toggle(event.currentTarget.checked)}
        />
      </label>
    </section>
  )
}
