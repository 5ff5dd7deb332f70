import { existsSync, readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const FILE = fileURLToPath(new URL('../docker-compose.yml', import.meta.url))
/** Begins the comment above the services of the groups; an empty line ends them. */
const MARK = '  # The handler groups:'

/** Adds a service for each handler group that has none to the text of docker-compose.yml. */
export function withServices(compose: string, groups: readonly string[]): string {
  const missing = groups.filter((group) => !has(compose, group))
  if (missing.length === 0) return compose
  const mark = compose.indexOf(MARK)
  const end = mark < 0 ? -1 : compose.indexOf('\n\n', mark)
  if (end < 0)
    throw new Error(`docker-compose.yml: cannot find the line "${MARK.trim()} …" and an empty line after the groups`)
  return `${compose.slice(0, end + 1)}${missing.map(serviceOf).join('')}${compose.slice(end + 1)}`
}

function has(compose: string, service: string): boolean {
  return new RegExp(`^  ${service}:`, 'm').test(compose.slice(compose.indexOf('\nservices:')))
}

/** Tells whether docker-compose.yml has a service of this name other than a handler group, present or removed. */
export function isTakenService(name: string): boolean {
  if (!existsSync(FILE)) return false
  const compose = readFileSync(FILE, 'utf8')
  return has(compose, name) && !compose.includes(`dist/handlers/run.js, ${name}]`)
}

function serviceOf(group: string): string {
  return `  ${group}:
    <<: *handlers
    command: [node, --enable-source-maps, --import, ./dist/shared/stop-early.mjs, dist/handlers/run.js, ${group}]
`
}

/**
 * Gives each of these groups a service in docker-compose.yml, where there is one.
 * @returns whether the file has changed
 */
export async function writeServices(groups: readonly string[]): Promise<boolean> {
  if (!existsSync(FILE)) return false
  const before = await readFile(FILE, 'utf8')
  const after = withServices(before, groups)
  if (after !== before) await writeFile(FILE, after)
  return after !== before
}
