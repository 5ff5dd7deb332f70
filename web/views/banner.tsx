import { useEffect, useState } from 'preact/hooks'
import { board, connection, isOnline, outbox } from '../state/board.ts'
import { sentence } from '../state/words.ts'
import { Icon } from './icon.tsx'

const counted = (count: number): string => (count === 1 ? '1 change waits' : `${count} changes wait`)

/** Says when there is no connection, and what waits for it. */
export function Banner() {
  const { state, reason, nextTryAt } = connection.value
  const count = outbox.value.length
  return (
    <div class="banners" role="status">
      {!isOnline.value && state !== 'refused' && (
        <p class={`banner ${state}`}>
          <Icon name={state === 'offline' ? 'warning' : 'spinner'} size={16} />
          <span>
            {state === 'connecting' ? (
              'Connecting…'
            ) : (
              <>
                You are offline{reason === undefined ? '.' : `: ${sentence(reason)}`} <NextTry at={nextTryAt} />
              </>
            )}
            {count > 0 && ` ${counted(count)} for the connection.`}
          </span>
          {state === 'offline' && (
            <button type="button" class="link" onClick={() => board().retry()}>
              Try now
            </button>
          )}
        </p>
      )}
      {isOnline.value && count > 1 && (
        <p class="banner sending">
          <Icon name="spinner" size={16} />
          <span>Sending {count} changes…</span>
        </p>
      )}
      {state === 'refused' && (
        <p class="banner offline">
          <Icon name="warning" size={16} />
          <span>You are signed out: {sentence(reason ?? 'the platform did not let you in')}</span>
          <button type="button" class="link" onClick={() => board().retry()}>
            Try again
          </button>
          <a class="link" href="/" onClick={() => sessionStorage.clear()}>
            Sign in anew
          </a>
        </p>
      )}
    </div>
  )
}

/** Counts down to the next try, for the eyes: read aloud every second, it would drown everything else. */
function NextTry({ at }: { at: number | undefined }) {
  const [now, setNow] = useState(Date.now())
  useEffect(() => {
    const clock = setInterval(() => setNow(Date.now()), 1_000)
    return () => clearInterval(clock)
  }, [])
  const seconds = at === undefined ? 0 : Math.max(0, Math.ceil((at - now) / 1_000))
  return (
    <>
      <span class="unseen">Trying again by itself.</span>
      <span aria-hidden="true">
        {seconds > 1 ? `Trying again in ${seconds} seconds.` : 'Trying again in a moment.'}
      </span>
    </>
  )
}
