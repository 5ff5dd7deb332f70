import { isMainThread } from 'node:worker_threads'

// `node --import` of this file goes before everything else: a process that is told to end while it still loads its code ends at
// once with 0, also as PID 1 of a container, where the kernel ignores signals that nobody listens to. `closeOnSignal` takes over.

if (isMainThread) for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0))
