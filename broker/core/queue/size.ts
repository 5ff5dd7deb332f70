import type { Command } from '../../seam/session.ts'

/** Bytes of a command, in memory and on the disk, beside the fields of any length that its sender chooses. */
const PER_COMMAND = 400

/** All that a command takes. */
export function sizeOf(command: Command): number {
  const { payload, correlation, responseTopic, client, jti } = command
  const echoed = (responseTopic?.length ?? 0) + (correlation?.length ?? 0)
  return sizeOfIds(command) + payload.length + client.length + (jti?.length ?? 0) + echoed
}

/** What it takes whatever its other fields are: its user and its own id stand in it twice. */
export function sizeOfIds({ user, re }: Pick<Command, 'user' | 're'>): number {
  return PER_COMMAND + 2 * (user.length + (re?.length ?? 0))
}
