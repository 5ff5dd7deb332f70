// The PROXY protocol, version 2: the header in which a load balancer tells where a connection comes from.
// [https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt, 2.2]

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')
const FIXED = 16
/** Most bytes of addresses and extensions. */
const MAX_REST = 2_048
const [LOCAL, PROXY] = [0x20, 0x21]
const [UNSPECIFIED, TCP4, TCP6] = [0x00, 0x11, 0x21]

export interface ProxyHeader {
  bytes: number
  /** Undefined for the proxy's own connections, such as health checks. */
  source: string | undefined
}

/**
 * @returns undefined while more bytes are needed
 * @throws {Error} when the header is invalid
 */
export function parseProxyHeader(bytes: Buffer): ProxyHeader | undefined {
  const known = Math.min(bytes.length, SIGNATURE.length)
  if (bytes.compare(SIGNATURE, 0, known, 0, known) !== 0)
    throw new Error('connection from a listed proxy without a PROXY header of version 2')
  if (bytes.length < FIXED) return undefined
  const [command, family, rest] = [bytes[12], bytes[13], bytes.readUInt16BE(14)]
  if (rest > MAX_REST) throw new Error('PROXY header is too long')
  if (command !== LOCAL && command !== PROXY) throw new Error('PROXY header has an unknown version or command')
  if (bytes.length < FIXED + rest) return undefined
  const header = { bytes: FIXED + rest, source: undefined }
  if (command === LOCAL || family === UNSPECIFIED) return header
  if (family === TCP4 && rest >= 12) return { ...header, source: bytes.subarray(FIXED, FIXED + 4).join('.') }
  if (family === TCP6 && rest >= 36) return { ...header, source: ipv6(bytes.subarray(FIXED, FIXED + 16)) }
  throw new Error('PROXY header holds no TCP address')
}

function ipv6(bytes: Buffer): string {
  return Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16)).join(':')
}
