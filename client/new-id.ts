/** 128 random bits as text. Pages without HTTPS and React Native lack `randomUUID`, and the latter may lack all of `crypto`. */
export function newId(): string {
  const bytes = new Uint8Array(16)
  const { crypto } = globalThis as { crypto?: Pick<Crypto, 'getRandomValues'> }
  if (crypto) crypto.getRandomValues(bytes)
  else for (let i = 0; i < bytes.length; i++) bytes[i] = Math.random() * 256
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
