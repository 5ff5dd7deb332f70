import { existsSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { fileURLToPath } from 'node:url'
import type { Config } from '../../../shared/config.ts'
import type { Logger } from '../../../shared/log.ts'
import { EXTENSION } from '../../../shared/own-modules.ts'
import { answerPage } from './answer-page.ts'
import { issuerOrigins, pageFacts } from './page-facts.ts'
import { madeFile, readPage, type PageFiles } from './read-page.ts'

/** The page that `npm run build` makes. */
const BUILT = fileURLToPath(new URL(EXTENSION === '.ts' ? '../../../dist/web' : '../../../web', import.meta.url))

export interface Page {
  /** Answers a request for one of its files; returns false for any other. */
  answer(request: IncomingMessage, response: ServerResponse): boolean
  /** Reads its files again. */
  renew(): void
}

/**
 * Opens the page that the setting WEB asks for, and `/config.json` with it.
 * @returns undefined when it asks for none, or none has been built
 * @throws {ConfigError} when the folder in WEB holds no page
 */
export function openPage(config: Config, log: Logger): Page | undefined {
  if (config.WEB === 'off') return undefined
  const folder = config.WEB === 'on' ? BUILT : config.WEB
  if (folder === BUILT && !existsSync(BUILT)) {
    log.warn({ folder }, 'there is no web page: it has not been built. Run npm run build, or set WEB=off')
    return undefined
  }
  const origins = issuerOrigins(config)
  const facts = madeFile('/config.json', JSON.stringify(pageFacts(config)))
  const read = (): PageFiles => new Map([...readPage(folder), ['/config.json', facts]])
  let files = read()
  return {
    answer: (request, response) => answerPage(files, origins, request, response),
    renew: () => void (files = read()),
  }
}
