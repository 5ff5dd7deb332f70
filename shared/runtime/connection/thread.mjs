// Where a connection thread begins that is not compiled. Node before 22.18 reads no TypeScript, and tsx does it for the main thread alone.
if (!process.features.typescript) (await import('tsx/esm/api')).register()
await import('./thread.ts')
