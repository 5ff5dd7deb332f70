import type { EventEmitter } from 'node:events'
import { Aedes, type AedesOptions } from 'aedes'
import { writeToStream } from 'mqtt-packet'
import type { InnerClient } from './internals.ts'

interface AedesInsides {
  clients: Record<string, InnerClient>
  brokers: Record<string, number>
  connectedClients: number
  registerClient(client: InnerClient): void
  _finishRegisterClient(client: InnerClient): void
  unregisterClient(client: InnerClient): void
  scheduleSessionExpiry(): void
  scheduleWill(client: InnerClient, will: object, seconds: number): void
  clearDelayedWill(clientId: string): void
}

writeToStream.cacheNumbers = false // the cache would take 7 MB (65,536 Buffers of two bytes), and few numbers are written this way

const Base = Aedes as unknown as new (
  options: AedesOptions,
) => Omit<Aedes, 'connectedClients' | 'brokers'> & AedesInsides

/** Aedes with two faults fixed: maps with a prototype, and a late disconnect that ends its successor's session. */
export class Core extends Base {
  registered: (client: InnerClient) => void = () => {}
  /** Called when a will starts to wait for its delay. */
  willWaits: (client: InnerClient, will: object) => void = () => {}
  /** Called when the persistence fails; without a listener that would end the process. */
  failed: (err: Error) => void = () => {}

  constructor(options: AedesOptions) {
    super(options)
    this.clients = Object.create(null)
    this.brokers = Object.create(null)
    ;(this as EventEmitter).on('error', (err) => this.failed(err as Error))
  }

  override _finishRegisterClient(client: InnerClient): void {
    const other = this.clients[client.id]
    if (other && other !== client && !other.closed) return this.registerClient(client) // it came while an older one was being closed
    super._finishRegisterClient(client)
    if (client.closed) this.unregisterClient(client)
    else this.registered(client)
  }

  override unregisterClient(client: InnerClient): void {
    if (this.clients[client.id] === client) super.unregisterClient(client)
    else this.connectedClients--
  }

  /** Does nothing: the core expires sessions, across restarts too. */
  override scheduleSessionExpiry(): void {}

  override scheduleWill(client: InnerClient, will: object, seconds: number): void {
    this.willWaits(client, will)
    super.scheduleWill(client, will, seconds)
  }
}
