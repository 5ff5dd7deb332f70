import type { Catalogue } from '../../../shared/wire/catalogue.ts'
import type { Storage } from '../../storage/storage.ts'
import type { Rule } from './job.ts'
import { Routes } from './routes.ts'

/** The rule of a command whose group declares nothing: a plain MQTT client. */
const UNDECLARED: Rule = { ordered: true, timeoutMs: 30_000, attempts: 5 }

/** What handlers declare about commands, and which groups run each command. */
export class Rules {
  readonly routes: Routes
  readonly #rules = new Map<string, Rule>()
  readonly #declared = new Set<string>()
  readonly #isSet: (setting: string) => boolean

  /** @param isSet tells whether a setting is set */
  constructor(storage: Storage, isSet: (setting: string) => boolean) {
    this.#isSet = isSet
    this.routes = new Routes(storage)
  }

  /** Reads the catalogue. Another call adds what has changed since. Returns the declared groups. */
  declare(catalogue: Catalogue): string[] {
    this.#declared.clear()
    for (const [group, { commands }] of Object.entries(catalogue)) {
      this.#declared.add(group)
      for (const [command, rule] of Object.entries(commands)) {
        this.#rules.set(command, rule)
        this.routes.own(command, group)
      }
    }
    return [...this.#declared]
  }

  of(command: string): Rule {
    return this.#rules.get(command) ?? UNDECLARED
  }

  isDeclared(group: string): boolean {
    return this.#declared.has(group)
  }

  isKnown(command: string): boolean {
    return this.routes.of(command) !== undefined
  }

  /** Only the broker may send a command that is declared as internal. */
  isInternal(command: string): boolean {
    return this.of(command).internal !== undefined
  }

  /** True when only the client that sent the command gets its answer. */
  answersClient(command: string): boolean {
    return this.of(command).replyTo === 'client'
  }

  /** The internal commands that the broker sends for this purpose, where the settings that they need are there. */
  internal(purpose: 'presence' | 'push'): string[] {
    return [...this.#rules].flatMap(([command, { internal, needs }]) =>
      internal === purpose && (needs === undefined || this.#isSet(needs)) ? [command] : [],
    )
  }

  /** True when handlers of this group may schedule the command for later. */
  isLater(command: string, group: string): boolean {
    return this.of(command).internal === 'later' && this.ownerOf(command) === group
  }

  /** The group that answers a command. */
  ownerOf(command: string): string | undefined {
    return this.routes.of(command)?.[0]
  }
}
