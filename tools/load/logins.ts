import type { Login } from './codec.ts'
import { Connection, type Address } from './connection.ts'

/** Logs clients in, one after another in so many lanes; each is a new TLS connection, which ends once the login is accepted. */
export class Logins {
  done = 0
  measured: number[] = []
  readonly #address: Address
  readonly #logins: readonly Login[]
  readonly #atOnce: number
  #next = 0
  #isRunning = false
  #lanes: Promise<void>[] = []

  constructor(address: Address, logins: readonly Login[], atOnce: number) {
    this.#address = address
    this.#logins = logins
    this.#atOnce = atOnce
  }

  go(): void {
    this.#isRunning = true
    ;[this.done, this.measured] = [0, []]
    this.#lanes = Array.from({ length: this.#atOnce }, () => this.#lane())
  }

  stop(): void {
    this.#isRunning = false
  }

  async drain(): Promise<number> {
    await Promise.all(this.#lanes)
    return 0
  }

  async #lane(): Promise<void> {
    while (this.#isRunning) {
      const login = this.#logins[this.#next++ % this.#logins.length]!
      const began = performance.now()
      const connection = await Connection.open(this.#address, login)
      if (this.#isRunning) {
        this.measured.push(performance.now() - began)
        this.done++
      }
      await connection.close()
    }
  }
}
