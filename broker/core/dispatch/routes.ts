import type { Storage, Table } from '../../storage/storage.ts'

/**
 * Which groups run a command, its owner first: the group that declares it, otherwise the first that subscribed. Groups that have
 * subscribed are remembered over a restart, so that their queue is kept while they are away.
 */
export class Routes {
  readonly #routes = new Map<string, string[]>()
  readonly #owners = new Map<string, string>()
  readonly #storage: Storage
  readonly #table: Table<string[]>

  constructor(storage: Storage) {
    this.#storage = storage
    this.#table = storage.table('routes')
    for (const { key, value } of this.#table.entries()) this.#routes.set(String(key), value)
  }

  /** The groups that run a command; undefined when there are none. */
  of(command: string): readonly string[] | undefined {
    return this.#routes.get(command)
  }

  /** A group declares the command. */
  own(command: string, group: string): void {
    this.#owners.set(command, group)
    const others = (this.#routes.get(command) ?? []).filter((one) => one !== group)
    this.#routes.set(command, [group, ...others])
  }

  /** A group has subscribed to the command. */
  observe(command: string, group: string): void {
    const groups = this.#routes.get(command) ?? []
    if (!groups.includes(group)) this.#change(command, [...groups, group])
  }

  /** No process of the group came within a command's time to live: the group no longer gets the command, unless it declares it. */
  leave(command: string, group: string): void {
    if (this.#owners.get(command) === group) return
    this.#change(
      command,
      (this.#routes.get(command) ?? []).filter((one) => one !== group),
    )
  }

  #change(command: string, groups: string[]): void {
    if (groups.length > 0) this.#routes.set(command, groups)
    else this.#routes.delete(command)
    this.#storage.eventually((unit) => {
      const now = this.#routes.get(command)
      if (now) unit.put(this.#table, command, now)
      else unit.remove(this.#table, command)
    })
  }
}
