import { connect } from 'node:tls'
import type { OpenSocket } from './socket.ts'

const PORT = 8883

/** MQTT over TLS, for Node. @param ca certificates to trust besides the public ones, as PEM */
export function tls(ca?: string): OpenSocket {
  return (url, events) => {
    const { hostname, port } = new URL(url)
    let why = 'the connection was closed'
    const socket = connect({
      host: hostname,
      port: Number(port || PORT),
      servername: nameOf(hostname),
      ...(ca !== undefined && { ca }),
    })
    socket.setNoDelay(true)
    socket.on('secureConnect', () => events.opened())
    socket.on('data', (bytes: Uint8Array) => events.received(bytes))
    socket.on('error', (err) => (why = err.message))
    socket.on('close', () => events.closed(why))
    return {
      send: (bytes) => void socket.write(bytes),
      close: () => socket.destroySoon(),
    }
  }
}

/** TLS names no addresses [RFC 6066, 3]. */
function nameOf(host: string): string {
  return /^[\d.]+$|:/.test(host) ? '' : host
}
