import { fileURLToPath } from 'node:url'
import { withSecretsOfNow, type Config } from '../shared/config.ts'
import { devCertFile, sharedHandlerKeys, tokenSecrets } from '../shared/dev-secrets.ts'
import { dialled, dialledAlone } from '../shared/dial.ts'
import { groupKey } from '../shared/group-key.ts'
import { EXTENSION } from '../shared/own-modules.ts'
import { groupsIn } from '../shared/runtime/scan.ts'
import { closeAll, type Closable } from '../shared/shutdown.ts'
import { nodeAdvice } from './recommended-node.ts'
import { signToken } from './sign-token.ts'
import { Stopped, supervise, type Fate, type Part } from './supervise.ts'

const file = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url))
export const HANDLERS = file('handlers')

export interface Platform {
  readonly broker: Part
  readonly groups: Map<string, Part>
  /** Starts a group that was added later. */
  add(group: string): Promise<void>
}

/**
 * Starts the broker, then each handler group, each a process of its own, and says where everything is.
 * @param opened gets what ends all of it at once, as far as it has started
 * @param optionsFor gives the options of Node for a part's processes
 */
export async function startPlatform(
  config: Config,
  opened: Closable[],
  optionsFor: (part: string) => (() => string[]) | undefined = () => undefined,
): Promise<Platform> {
  const groups = new Map<string, Part>()
  const fate: Fate = { kills: 0 }
  let ports = { mqtts: config.MQTTS_PORT, wss: config.WSS_PORT, admin: config.ADMIN_PORT }
  const broker = supervise('broker', [file(`broker/main${EXTENSION}`)], {
    fate,
    nodeOptions: optionsFor('broker'),
    env: () => ({ ...process.env, ...portSettings(ports), ...FOR_HANDLERS }),
    serving: (message) => (ports = (message as { ready: typeof ports }).ready), // a restarted broker keeps these ports
  })
  opened.push({
    async close() {
      await Promise.all([...groups.values()].map((part) => part.close()))
      await broker.close()
    },
  })
  await broker.served
  const names = await groupsIn(HANDLERS)
  const numbered = names.toSorted()
  /** Each group has a port of its own: METRICS_PORT and those after it. */
  const metricsPort = (group: string): NodeJS.ProcessEnv => {
    if (!config.METRICS_PORT) return {}
    if (!numbered.includes(group)) numbered.push(group)
    return { METRICS_PORT: String(config.METRICS_PORT + numbered.indexOf(group)) }
  }
  const add = async (group: string): Promise<void> => {
    const env = (): NodeJS.ProcessEnv => ({
      ...process.env,
      ...portSettings(ports),
      ...handlerSettings(withSecretsOfNow(config), group),
      ...metricsPort(group),
    })
    const part = supervise(group, [file(`handlers/run${EXTENSION}`), group], {
      fate,
      nodeOptions: optionsFor(group),
      env,
    })
    groups.set(group, part)
    try {
      await part.served
    } catch (err) {
      groups.delete(group)
      throw err
    }
  }
  await Promise.all(names.map(add))
  process.stdout.write(greeting(config, ports, names))
  return { broker, groups, add }
}

/**
 * Ends what has started of a platform that cannot start. When the start was stopped by a signal, the signal's handler exits, and this
 * never resolves.
 * @throws why it cannot start
 */
export async function giveUp(opened: Closable[], err: unknown): Promise<never> {
  if (err instanceof Stopped) return new Promise(() => {})
  await closeAll(opened)
  throw err
}

function portSettings({ mqtts, wss, admin }: { mqtts: number; wss: number; admin: number }): NodeJS.ProcessEnv {
  return { MQTTS_PORT: String(mqtts), WSS_PORT: String(wss), ADMIN_PORT: String(admin) }
}

// An empty value takes precedence over .env, and counts as unset.

/** Leaves these settings out, and the files that may hold them. */
const without = (...names: string[]): NodeJS.ProcessEnv =>
  Object.fromEntries(names.flatMap((name) => [name, `${name}_FILE`]).map((name) => [name, '']))

/** Settings that only handlers get. */
const FOR_HANDLERS = without('MONGODB_URL', 'TURN_SECRET', 'TURN_SECRET_STORE', 'VAPID_PRIVATE_KEY')
/** Settings that only the broker gets. */
const FOR_BROKER = without('SECRET', 'OPERATOR_TOKEN', 'HANDLER_KEY', 'TLS_CERT', 'TLS_KEY', 'OIDC_ISSUERS')
/** Secrets that sign TURN usernames, which only the group `turn` gets. */
const FOR_TURN = without('TURN_SECRET', 'TURN_SECRET_STORE')
/** The key that signs push messages, which only the group `push` gets. */
const FOR_PUSH = without('VAPID_PRIVATE_KEY')

/** The settings of a group's process: a key for this group only, the broker's certificate without its key, no token secret. */
function handlerSettings(config: Config, group: string): NodeJS.ProcessEnv {
  const [shared] = sharedHandlerKeys(config)
  const own = config.HANDLER_KEYS.get(group)?.[0] ?? (shared === undefined ? undefined : groupKey(shared, group))
  const ca = config.BROKER_CA ?? config.TLS_CERT ?? (config.production ? undefined : devCertFile(config))
  return {
    ...FOR_BROKER,
    ...without('HANDLER_KEYS'),
    ...(group !== 'turn' && FOR_TURN),
    ...(group !== 'push' && FOR_PUSH),
    HANDLER_KEYS: own === undefined ? '' : `${group}=${own}`,
    ...(ca !== undefined && { BROKER_CA: ca }),
  }
}

function greeting(config: Config, ports: { mqtts: number; wss: number; admin: number }, groups: string[]): string {
  const advice = nodeAdvice(process.versions.node)
  const host = dialled(config.HOST)
  const page = config.WEB === 'off' ? undefined : `https://${host === '127.0.0.1' ? 'localhost' : host}:${ports.wss}/`
  const where = `
Switchboard is ready.
${page === undefined ? '' : `\n  web page              ${page}`}
  MQTT over TLS         mqtts://${host}:${ports.mqtts}
  MQTT over WebSocket   wss://${host}:${ports.wss}/mqtt
  health and metrics    http://${dialled(config.ADMIN_HOST)}:${ports.admin}/healthz /readyz /metrics
  handler groups        ${groups.join(', ') || 'none yet: npm run new -- <group>/<command>'}${advice === undefined ? '' : `\n  Node                  ${advice}`}
`
  const [secret] = tokenSecrets(config)
  if (config.production || secret === undefined) return `${where}\n`
  const [alice, bob] = [signToken('alice', '1d', secret), signToken('bob', '1d', secret)]
  const operator = signToken('operator', '1d', secret, { role: 'operator' })
  const consolePage = `http://${dialled(config.ADMIN_HOST)}:${ports.admin}/console`
  const login = `-l mqtts -h ${dialledAlone(config.HOST)} -p ${ports.mqtts} --ca ${config.TLS_CERT ?? devCertFile(config)} -u JWT`
  return `${where}
  operator's console    ${consolePage}#token=${operator}
${page === undefined ? '' : signIns(page, { alice, bob })}
Two tokens, valid for a day:

  ALICE=${alice}
  BOB=${bob}

To try them with an MQTT client, run the two lines above and then one of these in each of two shells:

  npx mqtt sub ${login} -P "$BOB" -t bob_events -v
  npx mqtt pub ${login} -P "$ALICE" -q 1 -t request_contact -m '{"user_id":"bob","note":"hello"}'

Ctrl-C ends it.
`
}

/** Links that sign in. The token is in the fragment, which no browser sends. */
function signIns(page: string, tokens: Record<string, string>): string {
  const links = Object.entries(tokens).map(([user, token]) => `  as ${user.padEnd(6)} ${page}#token=${token}\n`)
  return `
Open each of these in a window of its own, and let the two talk. The browser warns of the certificate, which this machine made itself:

${links.join('\n')}`
}
