import type { Duplex } from 'node:stream'
import type { Config } from '../../../shared/config.ts'
import { tlsFiles, type Tls } from '../../../shared/dev-secrets.ts'
import type { Closable } from '../../../shared/shutdown.ts'
import type { From } from '../identity/login.ts'
import type { Lingering } from '../lingering.ts'
import type { Page } from '../pages/open-page.ts'
import type { RefusedOrigin, Witness } from '../witness.ts'
import { AddressGate } from './address-gate.ts'
import { listenAs } from './listen-as.ts'
import { Proxies } from './proxies.ts'
import { listenTls } from './tls.ts'
import { listenWss } from './wss.ts'

export interface ListenerPorts {
  config: Config
  tls: Tls
  /** Most bytes of an HTTP request's headers. */
  maxHeaders: number
  accept: (stream: Duplex, from: From) => void
  witness: Witness
  lingering: Lingering
  page: Page | undefined
}

export interface Listeners {
  readonly ports: { mqtts: number; wss: number }
  /** The chain in use, in PEM. */
  readonly certificate: string
  /** Reads the certificate again, for new connections. */
  renew(): Promise<void>
}

/**
 * Opens the ports for MQTT over TLS and over WebSocket, with shared limits per address.
 * @param opened gets each listener as soon as it is open
 * @throws {ConfigError} when an address or port cannot be listened on
 */
export async function openListeners(ports: ListenerPorts, opened: Closable[]): Promise<Listeners> {
  const { config, tls, maxHeaders, accept, witness, lingering, page } = ports
  const limits = { connections: config.CONNECTIONS_PER_ADDRESS, connects: config.CONNECTS_PER_ADDRESS }
  const gate = new AddressGate(limits, (address, reason) => witness.refusedConnect(reason, { address }))
  const proxies = new Proxies(config.PROXY_PROTOCOL_FROM, config.CONNECT_TIMEOUT)
  const edge = { host: config.HOST, tls, gate, proxies }

  const mqtts = await listenAs('HOST', 'MQTTS_PORT', listenTls({ ...edge, port: config.MQTTS_PORT }, accept))
  opened.push(mqtts)
  const web = {
    ...edge,
    port: config.WSS_PORT,
    origins: config.WSS_ORIGINS,
    maxPayload: config.MAX_PACKET_BYTES,
    maxHeaders,
    timeout: config.CONNECT_TIMEOUT,
    lingering,
    refusedOrigin: (refused: RefusedOrigin) => witness.refusedOrigin(refused),
    page,
  }
  const wss = await listenAs('HOST', 'WSS_PORT', listenWss(web, accept))
  opened.push(wss)

  let certificate = tls.cert
  return {
    ports: { mqtts: mqtts.port, wss: wss.port },
    get certificate() {
      return certificate
    },
    async renew() {
      const renewed = await tlsFiles(config)
      certificate = renewed.cert
      mqtts.renew(renewed)
      wss.renew(renewed)
    },
  }
}
