import type { AedesOptions } from 'aedes'

/** What Aedes publishes by itself reaches nobody: events are sent by `forward.ts`, open topics by `open-topics.ts`. */
export const SILENT = {
  concurrency: 0,
  current: 0,
  on: (_topic: string, _listener: unknown, done?: () => void) => done?.(),
  removeListener: (_topic: string, _listener: unknown, done?: () => void) => done?.(),
  emit: (_packet: unknown, done?: () => void) => done?.(),
  close: (done?: () => void) => done?.(),
} as unknown as NonNullable<AedesOptions['mq']>
