import { useState } from 'preact/hooks'
import type { Config } from '../config.ts'
import { ActionButton } from '../views/parts.tsx'
import { leaveToSignIn } from './oidc.ts'
import { keepToken } from './session.ts'

/** The page of somebody who is not signed in. `problem`: why the last try failed, in words. */
export function SignIn({ config, problem }: { config: Config; problem: string | undefined }) {
  const { issuers, development } = config
  return (
    <main class="sign-in">
      <div class="card">
        <img src={document.querySelector<HTMLLinkElement>('link[rel=icon]')?.href} alt="" width={56} height={56} />
        <h1>Switchboard</h1>
        <p>Sign in to write and call the people you know.</p>
        {problem !== undefined && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
        {issuers.map((issuer) => (
          <ActionButton
            key={`${issuer.issuer} ${issuer.clientId}`}
            look="primary wide"
            act={() => leaveToSignIn(issuer)}
          >
            Sign in with {issuer.name}
          </ActionButton>
        ))}
        {issuers.length === 0 && !development && (
          <p>This service has no way to sign in yet: its operator must name an issuer.</p>
        )}
        {development && <WithToken />}
      </div>
    </main>
  )
}

function WithToken() {
  const [token, setToken] = useState('')
  const enter = async (): Promise<void> => {
    keepToken(token.trim())
    location.reload()
  }
  return (
    <div class="with-token">
      <p>
        This is a development server. Open one of the links that <code>npm start</code> prints, or paste what{' '}
        <code>npm run --silent token -- alice</code> prints:
      </p>
      <label class="field">
        Token
        <input
          type="text"
          autocomplete="off"
          spellcheck={false}
          value={token}
          onInput={(event) => setToken(event.currentTarget.value)}
        />
      </label>
      <ActionButton look="wide" act={enter}>
        Sign in with this token
      </ActionButton>
    </div>
  )
}
