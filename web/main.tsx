import { render } from 'preact'
import { fetchConfig } from './config.ts'
import { oidcSession, returnFromIssuer } from './sign-in/oidc.ts'
import { takeTokenFromAddress, tokenSession } from './sign-in/session.ts'
import { SignIn } from './sign-in/sign-in.tsx'
import { start } from './state/start.ts'
import { inWords } from './state/words.ts'
import './state/theme.ts'
import './styles/page.css'
import { App } from './views/app.tsx'
import { Toasts } from './views/toasts.tsx'

const place = document.querySelector<HTMLElement>('#app')!

/** Why nobody could be signed in, in words. */
let problem: string | undefined
try {
  takeTokenFromAddress()
  await returnFromIssuer()
} catch (err) {
  problem = inWords(err)
}

// A link for another user, opened in a tab that is here already, loads no page by itself.
addEventListener('hashchange', () => {
  if (location.hash.startsWith('#token=') && takeTokenFromAddress()) location.reload()
})

const session = oidcSession() ?? tokenSession()
place.replaceChildren()
if (session) {
  start(session)
  render(<App />, place)
} else {
  try {
    const config = await fetchConfig()
    render(
      <>
        <SignIn config={config} problem={problem} />
        <Toasts />
      </>,
      place,
    )
  } catch {
    render(
      <p class="boot" role="alert">
        The service cannot be reached. Look at your connection, then load the page anew.
      </p>,
      place,
    )
  }
}
