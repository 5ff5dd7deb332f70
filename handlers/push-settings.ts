import { ConfigError, type Config } from '../shared/config.ts'
import type { HandlerSettings } from '../shared/runtime/command.ts'
import type { Closable } from '../shared/shutdown.ts'
import { pushIdentity } from './push-identity.ts'
import { pushMessage } from './push-message.ts'
import { openPushRequests, PrivateAddress, type PushAnswer } from './push-request.ts'

type PushSettings = NonNullable<HandlerSettings['push']>

/**
 * The sender of Web Push messages for handlers; undefined when push is not set up. The private key stays here.
 * @param ca further authority to trust, in PEM
 * @throws {ConfigError} when only a part of it is set up
 */
export function openPush(config: Config, ca?: string): (PushSettings & Closable) | undefined {
  const { VAPID_PUBLIC_KEY: publicKey, VAPID_PRIVATE_KEY: privateKey, VAPID_SUBJECT: subject } = config
  if (privateKey === undefined) return undefined
  if (publicKey === undefined || subject === undefined) {
    throw new ConfigError('VAPID_PUBLIC_KEY, VAPID_PRIVATE_KEY, VAPID_SUBJECT: set all of them or none')
  }
  const authorization = pushIdentity({ publicKey, privateKey, subject })
  const requests = openPushRequests(config.PUSH_PRIVATE_ADDRESSES, ca)
  return {
    async send({ endpoint, p256dh, auth }, { text, topic, ttl, isUrgent }) {
      const url = new URL(endpoint)
      const keys = { p256dh: Buffer.from(p256dh, 'base64url'), auth: Buffer.from(auth, 'base64url') }
      const headers = {
        authorization: authorization(url.origin),
        'content-encoding': 'aes128gcm',
        'content-type': 'application/octet-stream',
        ttl: String(ttl),
        topic,
        urgency: isUrgent ? 'high' : 'normal',
      }
      try {
        return outcomeOf(await requests.post(url, headers, pushMessage(Buffer.from(text), keys)))
      } catch (err) {
        if (err instanceof PrivateAddress) return { outcome: 'gone', why: err.message }
        return { outcome: 'later', why: (err as Error).message }
      }
    },
    close: () => requests.close(),
  }
}

/** What a push service's answer means [RFC 8030 5, 7.3; RFC 8292 4]. */
function outcomeOf({ status, retryAfterMs }: PushAnswer): Awaited<ReturnType<PushSettings['send']>> {
  const why = `the push service answered ${status}`
  if (status >= 200 && status < 300) return { outcome: 'sent' }
  if (status === 404 || status === 410) return { outcome: 'gone', why }
  if (status === 429 || status >= 500)
    return { outcome: 'later', why, ...(retryAfterMs !== undefined && { retryAfterMs }) }
  return { outcome: 'refused', why }
}
