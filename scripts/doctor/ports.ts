import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Config } from '../../shared/config.ts'
import { dialled } from '../../shared/dial.ts'
import { sayOf, type Finding } from './finding.ts'

const { ok, wrong } = sayOf('ports')

/** Can the broker listen, or does it listen already? */
export async function checkPorts(config: Config): Promise<Finding[]> {
  const runs = await isRunning(config)
  const all = [
    ['MQTTS_PORT', config.HOST, config.MQTTS_PORT],
    ['WSS_PORT', config.HOST, config.WSS_PORT],
    ['ADMIN_PORT', config.ADMIN_HOST, config.ADMIN_PORT],
  ] as const
  const found: Finding[] = []
  for (const [name, host, port] of all) {
    const code = await refusalOf(host, port)
    const place = `${name}: ${host}:${port}`
    if (code === undefined) found.push(ok(`${place} is free`))
    else if (code === 'EADDRINUSE' && runs) found.push(ok(`${place} is in use by the running broker`))
    else if (code === 'EADDRINUSE')
      found.push(
        wrong(`${place} is in use by another program`, `Stop that program (ss -ltnp shows it), or change ${name}`),
      )
    else if (code === 'EACCES')
      found.push(
        wrong(`${place}: this user may not listen there`, `Choose a port from 1024 on for ${name}, and forward to it`),
      )
    else
      found.push(
        wrong(`${place}: cannot listen there (${code})`, 'Set HOST or ADMIN_HOST to an address of this machine'),
      )
  }
  return found
}

async function refusalOf(host: string, port: number): Promise<string | undefined> {
  const server = createServer()
  try {
    server.listen(port, host)
    await once(server, 'listening')
    return undefined
  } catch (err) {
    return (err as NodeJS.ErrnoException).code ?? (err as Error).message
  } finally {
    server.close()
  }
}

/** Does a broker answer at the admin port? */
async function isRunning({ ADMIN_HOST, ADMIN_PORT }: Config): Promise<boolean> {
  if (ADMIN_PORT === 0) return false
  const host = dialled(ADMIN_HOST)
  const signal = AbortSignal.timeout(2_000)
  const answer = await fetch(`http://${host}:${ADMIN_PORT}/metrics`, { signal }).catch(() => undefined)
  return answer !== undefined && (await answer.text()).includes('commands_accepted_total')
}
