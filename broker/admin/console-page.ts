import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Logger } from '../../shared/log.ts'
import { EXTENSION } from '../../shared/own-modules.ts'
import { answerPage } from '../front/pages/answer-page.ts'
import type { Page } from '../front/pages/open-page.ts'
import { readPage } from '../front/pages/read-page.ts'

/** The console that `npm run build` makes. */
const BUILT = fileURLToPath(new URL(EXTENSION === '.ts' ? '../../dist/console' : '../../console', import.meta.url))
const PATH = '/console'

/** Opens the operators' console at `/console`: a page that asks the API, and holds nothing by itself. Undefined when none was built. */
export function openConsole(log: Logger): Pick<Page, 'answer'> | undefined {
  if (!existsSync(BUILT)) {
    log.warn({ folder: BUILT }, 'there is no console: it has not been built. Run npm run build')
    return undefined
  }
  const files = new Map([...readPage(BUILT)].map(([path, file]) => [path === '/' ? PATH : PATH + path, file]))
  return { answer: (request, response) => answerPage(files, [], request, response) }
}
