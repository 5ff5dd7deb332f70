import { createCipheriv, createECDH, hkdfSync, randomBytes } from 'node:crypto'

/** A browser's keys, as `PushSubscription.getKey` gives them. */
export interface PushKeys {
  /** An uncompressed point of P-256: 65 bytes. */
  readonly p256dh: Buffer
  /** 16 bytes. */
  readonly auth: Buffer
}

/** Bytes of a record; the message is a single one [RFC 8188 2]. */
const RECORD = 4_096
/** Marks the end of the last record [RFC 8188 2]. */
const LAST = Buffer.of(2)

/**
 * Encrypts a message for one browser, so that the push service cannot read it [RFC 8291].
 * @param text at most 3,993 bytes
 * @throws when the keys are none
 */
export function pushMessage(text: Buffer, { p256dh, auth }: PushKeys): Buffer {
  const salt = randomBytes(16)
  const own = createECDH('prime256v1')
  const ownKey = own.generateKeys()
  const secret = own.computeSecret(p256dh)
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), p256dh, ownKey])
  const material = Buffer.from(hkdfSync('sha256', secret, auth, info, 32))
  const derived = (what: string, bytes: number): Buffer =>
    Buffer.from(hkdfSync('sha256', material, salt, `Content-Encoding: ${what}\0`, bytes))
  const cipher = createCipheriv('aes-128-gcm', derived('aes128gcm', 16), derived('nonce', 12))
  const sealed = Buffer.concat([cipher.update(text), cipher.update(LAST), cipher.final(), cipher.getAuthTag()])
  const head = Buffer.alloc(5)
  head.writeUInt32BE(RECORD)
  head.writeUInt8(ownKey.length, 4)
  return Buffer.concat([salt, head, ownKey, sealed])
}
