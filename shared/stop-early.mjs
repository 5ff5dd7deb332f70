import { isMainThread } from 'node:worker_threads'

// Loaded by `node --import` before everything else: a process that is told to stop while it loads its code exits at once with 0, also
// as PID 1 of a container, where the kernel ignores signals without a listener. `closeOnSignal` takes over later.

if (isMainThread) for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0))
