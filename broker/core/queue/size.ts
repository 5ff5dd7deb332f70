import type { Command } from '../../seam/session.ts'

/** Bytes of a command, in memory and on the disk, beside the fields of any length that its sender chooses. */
const PER_COMMAND = 400

/** All that a command takes. */
export function sizeOf({ payload, correlation, responseTopic, re, user, client, jti }: Command): number {
  const ids = 2 * (user.length + (re?.length ?? 0)) + client.length + (jti?.length ?? 0)
  const echoed = (responseTopic?.length ?? 0) + (correlation?.length ?? 0)
  return PER_COMMAND + payload.length + ids + echoed
}
