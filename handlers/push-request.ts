import { lookup, type LookupAddress, type LookupOptions } from 'node:dns'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import { isPrivateAddress } from '../shared/wire/private-address.ts'
import type { Closable } from '../shared/shutdown.ts'

/** Milliseconds for a request and its answer. */
const TIMEOUT = 10_000
/** Connections to one push service. */
const CONNECTIONS = 16

/** The host of an endpoint is, or resolves to, an address within our own network. */
export class PrivateAddress extends Error {
  override name = 'PrivateAddress'
}

export interface PushAnswer {
  readonly status: number
  /** Milliseconds after which the push service wants to be asked again, if it says so in seconds. */
  readonly retryAfterMs?: number
}

export interface PushRequests extends Closable {
  /**
   * POSTs to an HTTPS URL that a user named, which must not lead into our own network.
   * @throws {PrivateAddress}, or why there is no answer
   */
  post(url: URL, headers: Record<string, string>, body: Buffer): Promise<PushAnswer>
}

/**
 * @param toPrivate allows private addresses
 * @param ca further authority to trust, in PEM
 */
export function openPushRequests(toPrivate: boolean, ca?: string): PushRequests {
  const agent = new Agent({
    keepAlive: true,
    maxSockets: CONNECTIONS,
    timeout: TIMEOUT,
    ...(ca !== undefined && { ca }),
  })
  return {
    async post(url, headers, body) {
      const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
      if (!toPrivate && isPrivateAddress(host)) throw new PrivateAddress(`${host} is a private address`)
      const signal = AbortSignal.timeout(TIMEOUT)
      const sent = request(url, {
        method: 'POST',
        headers: { ...headers, 'content-length': body.length },
        agent,
        signal,
        ...(!toPrivate && { lookup: publicLookup }),
      })
      sent.on('error', () => {}).end(body) // it may break off after the answer's head, which is all that is read
      const [answer] = (await once(sent, 'response')) as [IncomingMessage]
      answer.on('error', () => {}).resume()
      const after = Number(answer.headers['retry-after'])
      return { status: answer.statusCode!, ...(after > 0 && { retryAfterMs: after * 1_000 }) }
    },
    close: async () => agent.destroy(),
  }
}

type Found = (err: Error | null, address: string | LookupAddress[], family?: number) => void

/** Resolves a name like `dns.lookup`, and fails when any of its addresses is private: what was checked is what is connected to. */
function publicLookup(name: string, options: LookupOptions, found: Found): void {
  lookup(name, { ...options, all: true }, (err, addresses) => {
    const inner = err ? undefined : addresses.find(({ address }) => isPrivateAddress(address))
    if (err) found(err, [])
    else if (inner) found(new PrivateAddress(`${name} is the private address ${inner.address}`), [])
    else if (options.all) found(null, addresses)
    else found(null, addresses[0]!.address, addresses[0]!.family)
  })
}
