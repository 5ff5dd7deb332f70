import { z } from 'zod'
import type { Config, OidcIssuer } from '../../shared/config.ts'
import { sayOf, type Finding } from './finding.ts'

// The issuers of tokens and MongoDB: can they be reached, and do their clocks agree with this one?

const TIMEOUT = 5_000
/** Milliseconds of difference above which a token may count as expired that is not, or the other way round. */
const SKEW = 5_000
const clock = sayOf('clock')

interface Met {
  findings: Finding[]
  /** Milliseconds by which their clock is ahead of ours. */
  ahead?: number
}

export async function checkOthers(config: Config): Promise<Finding[]> {
  const issuers = config.OIDC_ISSUERS.map((issuer) => meetIssuer(issuer))
  const met = await Promise.all([
    ...issuers,
    ...(config.MONGODB_URL === undefined ? [] : [meetMongo(config.MONGODB_URL)]),
  ])
  const skews = met.flatMap(({ ahead }) => ahead ?? [])
  return [...met.flatMap(({ findings }) => findings), clockOf(skews)]
}

function clockOf(skews: readonly number[]): Finding {
  const [most] = skews.toSorted((a, b) => Math.abs(b) - Math.abs(a))
  if (most === undefined)
    return clock.ok(`${new Date().toISOString()}; there is no issuer or MongoDB to compare it with`)
  const seconds = Math.abs(most / 1_000).toFixed(0)
  if (Math.abs(most) <= SKEW) return clock.ok(`within ${SKEW / 1_000} s of the others`)
  return clock.wrong(
    `this clock is ${seconds} s ${most > 0 ? 'behind' : 'ahead of'} that of an issuer or MongoDB: tokens count as not valid yet, or as expired`,
    'Synchronise it (NTP); timedatectl shows whether it is',
  )
}

const discovered = z.union([z.object({ keys: z.array(z.unknown()) }), z.object({ jwks_uri: z.string() })])

async function meetIssuer({ issuer, jwks_uri, discovery }: OidcIssuer): Promise<Met> {
  const { ok, wrong } = sayOf('issuers')
  const name = issuer[0]!
  const url = jwks_uri ?? discovery ?? `${name.replace(/\/$/, '')}/.well-known/openid-configuration`
  const todo = 'Check the address in OIDC_ISSUERS, and name resolution, proxy and firewall of this machine'
  try {
    const began = Date.now()
    const answer = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT) })
    const date = Date.parse(answer.headers.get('date') ?? '')
    const ahead = Number.isNaN(date) ? {} : { ahead: date + 500 - (began + Date.now()) / 2 } // the header is cut to seconds
    if (!answer.ok) return { findings: [wrong(`${name}: ${url} answers ${answer.status}`, todo)], ...ahead }
    const isRight = discovered.safeParse(await answer.json().catch(() => undefined)).success
    if (!isRight)
      return { findings: [wrong(`${name}: ${url} is neither a key set nor a discovery document`, todo)], ...ahead }
    return { findings: [ok(`${name} answers`)], ...ahead }
  } catch (err) {
    const { cause, message } = err as Error & { cause?: { code?: string } }
    return { findings: [wrong(`${name}: cannot fetch ${url} (${cause?.code ?? message})`, todo)] }
  }
}

const hello = z.object({ setName: z.string().optional(), localTime: z.date(), msg: z.string().optional() })

async function meetMongo(url: string): Promise<Met> {
  const { ok, warning, wrong } = sayOf('mongodb')
  const { MongoClient } = await import('mongodb')
  const client = new MongoClient(url, { serverSelectionTimeoutMS: TIMEOUT })
  try {
    const began = Date.now()
    const { setName, localTime, msg } = hello.parse(await client.db('admin').command({ hello: 1 }))
    const ahead = localTime.getTime() - (began + Date.now()) / 2
    if (setName !== undefined || msg === 'isdbgrid')
      return { findings: [ok(`answers; ${setName ?? 'sharded'}`)], ahead }
    const single = 'it is a single server: with its disk, everything on it is lost, and nothing takes over'
    return { findings: [warning(single, 'Make it a replica set of three members')], ahead }
  } catch (err) {
    const text = (err as Error).message.split('\n')[0]!.replace(/\/\/[^@/]*@/g, '//')
    return {
      findings: [wrong(`cannot be reached: ${text}`, 'Check MONGODB_URL, its credentials, and that the server runs')],
    }
  } finally {
    await client.close()
  }
}
