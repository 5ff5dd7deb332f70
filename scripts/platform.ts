import { fileURLToPath } from 'node:url'
import type { Config } from '../shared/config.ts'
import { devCertFile, tokenSecrets } from '../shared/dev-secrets.ts'
import { dialled } from '../shared/dial.ts'
import { groupsIn } from '../shared/runtime/scan.ts'
import { closeAll, type Closable } from '../shared/shutdown.ts'
import { signToken } from './sign-token.ts'
import { supervise, type Part } from './supervise.ts'

const file = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url))
export const HANDLERS = file('handlers')

export interface Platform extends Closable {
  readonly broker: Part
  readonly groups: Map<string, Part>
  /** Starts a group that came later. */
  add(group: string): Promise<void>
}

/** Starts the broker, then each handler group, each a process of its own, and says where everything is. */
export async function startPlatform(config: Config): Promise<Platform> {
  const opened: Closable[] = []
  const groups = new Map<string, Part>()
  let ports = { mqtts: config.MQTTS_PORT, wss: config.WSS_PORT, admin: config.ADMIN_PORT }
  try {
    const broker = await supervise('broker', [file('broker/main.ts')], (message) => {
      ports = (message as { ready: typeof ports }).ready
      process.env['MQTTS_PORT'] = String(ports.mqtts) // what the handlers, and a broker after this one, are to use
      process.env['WSS_PORT'] = String(ports.wss)
      process.env['ADMIN_PORT'] = String(ports.admin)
    })
    opened.push(broker)
    const add = async (group: string): Promise<void> => {
      const part = await supervise(group, [file('handlers/run.ts'), group])
      opened.push(part)
      groups.set(group, part)
    }
    const names = await groupsIn(HANDLERS)
    await Promise.all(names.map(add))
    process.stdout.write(greeting(config, ports, names))
    return { broker, groups, add, close: () => closeAll(opened) }
  } catch (err) {
    await closeAll(opened)
    throw err
  }
}

function greeting(config: Config, ports: { mqtts: number; wss: number; admin: number }, groups: string[]): string {
  const host = dialled(config.HOST)
  const where = `
Switchboard is ready.

  MQTT over TLS         mqtts://${host}:${ports.mqtts}
  MQTT over WebSocket   wss://${host}:${ports.wss}/mqtt
  health and metrics    http://${dialled(config.ADMIN_HOST)}:${ports.admin}/healthz /readyz /metrics
  handler groups        ${groups.join(', ') || 'none yet: npm run new -- <group>/<command>'}
`
  const [secret] = tokenSecrets(config)
  if (config.production || secret === undefined) return `${where}\n`
  const [alice, bob] = [signToken('alice', '1d', secret), signToken('bob', '1d', secret)]
  const login = `-l mqtts -h ${host} -p ${ports.mqtts} --ca ${config.TLS_CERT ?? devCertFile(config)} -u JWT`
  return `${where}
Two tokens, good for a day:

  ALICE=${alice}
  BOB=${bob}

Try them, each line in a shell of its own, after the two lines above:

  npx mqtt sub ${login} -P "$BOB" -t bob_events -v
  npx mqtt pub ${login} -P "$ALICE" -q 1 -t request_contact -m '{"user_id":"bob","note":"hello"}'

Ctrl-C ends it.
`
}
