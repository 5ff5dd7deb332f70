import { parseArgs } from 'node:util'
import { readConfig } from '../shared/config.ts'
import { signingSecret } from '../shared/dev-secrets.ts'
import { signToken } from './sign-token.ts'

// npm run --silent token -- alice: prints a signed dev token on stdout, and nothing else.

const USAGE = `usage: npm run --silent token -- <user> [--ttl 1h] [--claims JSON]
Prints a token signed with the first SECRET.
  --ttl 1h       lifetime: a number with s, m, h or d, up to 3650d
  --claims JSON  more claims, such as '{"role":"operator"}' or '{"acl":{"pub":["fleet/+/pos"],"sub":["fleet/#"]}}'
`

function claimsOf(text: string): object {
  try {
    const claims: unknown = JSON.parse(text)
    if (typeof claims === 'object' && claims !== null && !Array.isArray(claims)) return claims
  } catch {}
  throw new Error('--claims: must be a JSON object')
}

try {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      ttl: { type: 'string', default: '1h' },
      claims: { type: 'string', default: '{}' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  const [sub] = positionals
  if (values.help) process.stdout.write(USAGE)
  else if (!sub || positionals.length > 1) throw new Error(USAGE)
  else process.stdout.write(`${signToken(sub, values.ttl, signingSecret(readConfig()), claimsOf(values.claims))}\n`)
} catch (err) {
  process.stderr.write(`${(err as Error).message.trim()}\n`)
  process.exitCode = 1
}
