import type { AuthenticateError, Client, ConnectPacket } from 'aedes'
import { Denied, type DeniedAs } from '../../seam/session.ts'
import { changeConnack, unchanged, withUserProperties } from './connack.ts'
import { answerOf, connectionOf, firstOfEach, type Connection } from './connection.ts'
import { faultOfConnect } from './guard.ts'
import { HandlerInbox } from './handler-inbox.ts'
import type { InnerClient } from './internals.ts'
import type { FromFront } from '../../seam/from-front.ts'
import type { Authenticate } from '../identity/authenticate.ts'
import type { Witness } from '../witness.ts'
import { NO_LIMIT } from './in-flight.ts'
import { TopicAliases } from './topic-aliases.ts'

const HANDLER_NAME = /^handler(?::|$)/
/** The CONNACK code of a refused login: on MQTT 5, on 3.1.1. [MQTT-3.2.2.2] */
const CONNACK: Record<DeniedAs, [number, number]> = {
  unauthorized: [0x87, 5],
  banned: [0x8a, 5],
  too_many: [0x97, 3],
  too_often: [0x9f, 3],
}
/** Deliveries that a handler may leave without PUBACK: well above any window, well below the number of message ids. */
const MAX_UNACKNOWLEDGED = 20_000

export interface AdmissionPorts {
  identify: Authenticate
  toCore: (message: FromFront) => void
  /** By session id, the connections that are admitted and do not own their session yet. */
  coming: Map<string, Connection>
  witness: Witness
  maxKeepalive: number
  /** Milliseconds for which a command's id is known; clients are told. */
  idempotencyWindow: number
}

/** The hooks that Aedes calls for a CONNECT, in order. */
export function admission(ports: AdmissionPorts) {
  const { identify, toCore, coming, witness, maxKeepalive, idempotencyWindow } = ports
  const keepWhileConnected = new WeakSet<object>()

  function preConnect(client: Client, packet: ConnectPacket, done: (err: Error | null, ok: boolean) => void): void {
    const inner = client as unknown as InnerClient
    inner.subscriptions = Object.create(null)
    const connection = connectionOf(client)
    connection.username = packet.username
    connection.clientId = packet.clientId
    connection.properties = firstOfEach(packet.properties?.userProperties)
    const { topicAliasMaximum = 0 } = packet.properties ?? {}
    if (topicAliasMaximum > 0) connection.aliases = new TopicAliases(topicAliasMaximum)
    delete packet.properties?.userProperties // Aedes keeps the CONNECT while the connection lasts, and its will longer
    inner.pause() // packets behind CONNECT must wait for the login; Aedes resumes after CONNACK
    const fault = faultOfConnect(packet)
    if (fault !== undefined) {
      refused(inner, fault)
      return done(new Error(fault), false)
    }
    // 3.1.1 cannot announce another keepalive: the client is accepted and held to ours. MQTT 5 has Server Keep Alive [MQTT-3.1.2-21].
    const isOver = !packet.keepalive || packet.keepalive > maxKeepalive
    if (packet.protocolVersion !== 5 && isOver) packet.keepalive = maxKeepalive
    if (HANDLER_NAME.test(packet.username ?? '')) beforeHandler(packet)
    // With Clean Start 0 and no Session Expiry, Aedes would drop the queue it resumes: keep the session until the connection ends.
    else if (packet.protocolVersion === 5 && !packet.clean) keepWhileConnected.add(inner)
    done(null, true)
  }

  function refused(client: InnerClient, reason: string, user?: Denied['user']): void {
    const connection = connectionOf(client)
    const { from, username, clientId } = connection
    connection.isRefused = true
    witness.refusedConnect(reason, { address: from.address, username, client: clientId, user })
  }

  async function login(client: InnerClient, username?: string, password?: Buffer): Promise<void> {
    const connection = connectionOf(client)
    const { from, properties = {} } = connection
    const session = await identify({
      ...from,
      username,
      client: client.id,
      properties,
      password: password?.toString(),
    })
    await answerOf(connection, () => toCore({ kind: 'login', connection: connection.number, session }))
    client.id = session.id
    if (session.kind === 'handler') connection.inbox = new HandlerInbox(MAX_UNACKNOWLEDGED)
    // Messages beyond the client's Receive Maximum wait in a session, at least while the connection lasts.
    else if (keepWhileConnected.has(client) || client.receiveMaximum < NO_LIMIT) client.clean = false
    connection.session = session
    coming.set(session.id, connection)
    if (client.version !== 5) return
    const tell = (user: string) =>
      withUserProperties({ 'user-id': user, 'idempotency-window': String(idempotencyWindow) })
    changeConnack(client, session.kind === 'device' ? tell(session.user) : unchanged)
  }

  function authenticate(
    client: Client,
    username: string | undefined,
    password: Buffer | undefined,
    done: (err: AuthenticateError | null, ok: boolean | null) => void,
  ): void {
    const inner = client as unknown as InnerClient
    login(inner, username, password).then(
      () => done(null, true),
      (err: Error) => {
        const as = err instanceof Denied ? err.as : 'unauthorized'
        refused(inner, err.message, err instanceof Denied ? err.user : undefined)
        const [reasonCode, returnCode] = CONNACK[as]
        if (inner.version === 5) changeConnack(inner, (connack) => ({ ...connack, reasonCode }))
        done(Object.assign(new Error('not authorized'), { returnCode }), null)
      },
    )
  }

  return { preConnect, authenticate, refused }
}

/** Makes a handler's session clean and without a will: what it held is redelivered to another member. */
function beforeHandler(packet: ConnectPacket): void {
  packet.clean = true
  delete packet.will
  if (packet.properties) delete packet.properties.sessionExpiryInterval
}
