import { readFileSync } from 'node:fs'
import type { BrokerLogin } from './seam.ts'

/** The key to log in with. The file that holds it is read at each call, since keys are rotated; without one, the first key stays. */
export function currentKey({ key, keyFile, ownKey }: BrokerLogin, group: string): string {
  if (keyFile === undefined) return key
  try {
    const all = readFileSync(keyFile, 'utf8')
      .split(',')
      .map((one) => one.trim())
    const own = `${group}=`
    const found = ownKey ? all.find((one) => one.startsWith(own))?.slice(own.length) : all[0]
    return found === undefined || found === '' ? key : found
  } catch {
    return key
  }
}
