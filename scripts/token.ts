import { parseArgs } from 'node:util'
import { readConfig } from '../shared/config.ts'
import { signingSecret } from '../shared/dev-secrets.ts'
import { signToken } from './sign-token.ts'

// npm run --silent token -- alice: a signed dev token on stdout, nothing else.

const USAGE = `usage: npm run --silent token -- <user> [--ttl 1h]
Prints a token signed with the first SECRET. --ttl is a number with s, m, h or d: 1h by default, at most 3650d.
`

try {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { ttl: { type: 'string', default: '1h' }, help: { type: 'boolean', short: 'h' } },
  })
  const [sub] = positionals
  if (values.help) process.stdout.write(USAGE)
  else if (!sub || positionals.length > 1) throw new Error(USAGE)
  else process.stdout.write(`${signToken(sub, values.ttl, signingSecret(readConfig()))}\n`)
} catch (err) {
  process.stderr.write(`${(err as Error).message.trim()}\n`)
  process.exitCode = 1
}
