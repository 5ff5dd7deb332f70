import { BlockList, isIP } from 'node:net'

// What is reached only from within: loopback, link-local, private and shared networks (RFC 1918, 3927, 4193, 4291, 6598).
const PRIVATE = new BlockList()
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  PRIVATE.addSubnet(network, bits, 'ipv4')
}
for (const [network, bits] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
] as const) {
  PRIVATE.addSubnet(network, bits, 'ipv6')
}

/** Tells whether a text is an IP address of a private network. A name is none. */
export function isPrivateAddress(text: string): boolean {
  const version = isIP(text)
  return version !== 0 && PRIVATE.check(text, version === 4 ? 'ipv4' : 'ipv6')
}
