import { parseArgs } from 'node:util'
import { ConfigError, readConfig, type Config } from '../shared/config.ts'
import { sharedHandlerKeys, tokenSecrets } from '../shared/dev-secrets.ts'
import { checkCertificate } from './doctor/certificate.ts'
import { checkDisk } from './doctor/disk.ts'
import { checkEngines } from './doctor/engines.ts'
import { sayOf, type Finding } from './doctor/finding.ts'
import { checkOthers } from './doctor/others.ts'
import { checkPorts } from './doctor/ports.ts'

// npm run doctor: looks at everything that the platform needs, and says what is wrong and what to do. Exit code 1 if anything is.

const USAGE = `usage: npm run doctor [-- --json]
  Looks at settings, certificate, ports, disk, engines, issuers, MongoDB and clock, and says what is wrong. It may run beside the
  platform, creates DATA_DIR if it is missing, and exits with 1 when something is wrong. --json prints an array of {area, state, text, todo}.
`

const about = sayOf('settings')

function settings(): { config?: Config; findings: Finding[] } {
  try {
    const config = readConfig()
    if (config.production) for (const needed of [tokenSecrets, sharedHandlerKeys]) needed(config)
    return { config, findings: [about.ok(`NODE_ENV is ${config.NODE_ENV}, DATA_DIR is ${config.DATA_DIR}`)] }
  } catch (err) {
    if (!(err instanceof ConfigError)) throw err
    const todo = 'docs/operate/settings.md lists every setting'
    return { findings: err.message.split('\n').map((line) => about.wrong(line, todo)) }
  }
}

async function examine(): Promise<Finding[]> {
  const { config, findings } = settings()
  if (config === undefined) return [...findings, ...(await checkEngines())]
  const others = await Promise.all([checkCertificate(config), checkPorts(config), checkEngines(), checkOthers(config)])
  return [...findings, ...others.flat(), ...checkDisk(config)]
}

const lineOf = ({ area, state, text, todo }: Finding): string =>
  `${state.padEnd(8)}${area}: ${text}\n${todo === undefined ? '' : `${' '.repeat(8)}${todo}\n`}`

try {
  const options = { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const
  const { values } = parseArgs({ options })
  if (values.help) process.stdout.write(USAGE)
  else {
    const found = await examine()
    const wrong = found.filter(({ state }) => state === 'wrong').length
    process.stdout.write(values.json ? `${JSON.stringify(found, null, 2)}\n` : found.map(lineOf).join(''))
    if (!values.json) process.stdout.write(wrong === 0 ? 'nothing is wrong\n' : `${wrong} things are wrong\n`)
    process.exitCode = wrong === 0 ? 0 : 1
  }
} catch (err) {
  process.stderr.write(`${(err as Error).message}\n`)
  process.exitCode = 1
}
