import { CallingBoard, type CallSettings } from './calls/index.ts'
import { boardOptions, type ConnectOptions as CoreOptions } from './core.ts'

// The client with calls. Apps without calls import `@switchboard/client/core`, which is smaller.

export * from './core.ts'
export * from './calls/index.ts'

export interface ConnectOptions extends CoreOptions {
  calls?: CallSettings
}

/** Opens a connection that lasts until `close()`. */
export function connect({ calls, ...options }: ConnectOptions): CallingBoard {
  return new CallingBoard(boardOptions(options), calls)
}
