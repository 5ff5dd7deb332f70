import type { AedesOptions } from 'aedes'

/** An emitter that delivers nothing: `forward.ts` sends events, `message-sender.ts` open topics. */
export const SILENT = {
  concurrency: 0,
  current: 0,
  on: (_topic: string, _listener: unknown, done?: () => void) => done?.(),
  removeListener: (_topic: string, _listener: unknown, done?: () => void) => done?.(),
  emit: (_packet: unknown, done?: () => void) => done?.(),
  close: (done?: () => void) => done?.(),
} as unknown as NonNullable<AedesOptions['mq']>
