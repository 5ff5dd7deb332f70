import type { DeadLetter, DeadLetters } from '../queue/dead-letters.ts'
import type { CommandQueue } from '../queue/queue.ts'
import type { Storage } from '../../storage/storage.ts'
import type { Job } from './job.ts'

interface Ports {
  storage: Storage
  queue: CommandQueue
  dead: DeadLetters
  ownerOf: (command: string) => string | undefined
}

interface Revived {
  revived: { jobs: readonly Job[]; letters: DeadLetter[] }[]
  /** Letters that stay dead, since their id is open. */
  open: DeadLetter[]
}

/**
 * Turns dead letters into commands again; the letters of one command from several groups become one command.
 * @throws when they cannot be stored; then they stay dead
 */
export async function reviveAll(
  letters: readonly DeadLetter[],
  { storage, queue, dead, ownerOf }: Ports,
): Promise<Revived> {
  const ofOneCommand = new Map<string, DeadLetter[]>()
  const revived: Revived['revived'] = []
  const open: DeadLetter[] = []
  await storage.commit((unit) => {
    for (const letter of letters) {
      if (!dead.has(letter)) continue // it was dropped or replayed in the meantime
      const others = ofOneCommand.get(letter.command.id)
      if (others) others.push(letter)
      else ofOneCommand.set(letter.command.id, [letter])
    }
    for (const letters of ofOneCommand.values()) {
      const command = { ...letters[0]!.command, order: queue.nextOrder(), at: Date.now(), expiresAt: undefined }
      if (queue.isOpen(command)) {
        open.push(...letters)
        continue
      }
      for (const letter of letters) dead.remove(unit, letter)
      const groups = letters.map(({ group }) => group)
      revived.push({ jobs: queue.revive(unit, command, groups, ownerOf(command.name)), letters })
    }
  })
  return { revived, open }
}
