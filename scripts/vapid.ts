import { createECDH } from 'node:crypto'

// npm run --silent vapid: prints a new pair of keys for push messages, as lines of .env.

const pair = createECDH('prime256v1')
pair.generateKeys()
const key = pair.getPrivateKey() // without leading zeros
process.stdout.write(`VAPID_PUBLIC_KEY=${pair.getPublicKey('base64url')}
VAPID_PRIVATE_KEY=${Buffer.concat([Buffer.alloc(32 - key.length), key]).toString('base64url')}
`)
