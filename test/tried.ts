import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const HANDLERS = fileURLToPath(new URL('../handlers', import.meta.url))

/** Does the test beside a command's file hold this text? Then that command need not be on a list elsewhere. */
export function isTried(command: string, text: string): boolean {
  const [file] = readdirSync(HANDLERS, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith(`/${command}.test.ts`),
  )
  return file !== undefined && readFileSync(join(HANDLERS, file), 'utf8').includes(text)
}
