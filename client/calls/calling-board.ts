import { Board, type BoardOptions } from '../board.ts'
import { Calls, type CallSettings } from './calls.ts'

/** Milliseconds for the platform to hear that the calls are over. */
const FAREWELL = 1_000

/** A board with calls. */
export class CallingBoard extends Board {
  readonly #settings: CallSettings | undefined
  #calls: Calls | undefined

  constructor(options: BoardOptions, settings?: CallSettings) {
    super(options)
    this.#settings = settings
  }

  /** Calls and conferences. The first look at it begins to listen for them. */
  get calls(): Calls {
    return (this.#calls ??= new Calls(this, this.#settings))
  }

  /** Ends the calls, too. */
  override async close(...how: Parameters<Board['close']>): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, FAREWELL)))
    await Promise.race([this.#calls?.close(), late]) // without a connection it waits in the outbox
    clearTimeout(timer)
    return super.close(...how)
  }
}
