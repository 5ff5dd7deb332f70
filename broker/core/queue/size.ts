import type { Command } from '../../seam/session.ts'

/** Bytes of a command, in memory and on the disk, besides the fields whose length its sender chooses. */
const PER_COMMAND = 400

/** The bytes that a command counts as. */
export function sizeOf(command: Command): number {
  const { payload, correlation, responseTopic, client, jti } = command
  const echoed = (responseTopic?.length ?? 0) + (correlation?.length ?? 0)
  return sizeOfIds(command) + payload.length + client.length + (jti?.length ?? 0) + echoed
}

/** The fixed bytes and the ids: the user and the device's id are in a command twice. */
export function sizeOfIds({ user, re }: Pick<Command, 'user' | 're'>): number {
  return PER_COMMAND + 2 * (user.length + (re?.length ?? 0))
}
