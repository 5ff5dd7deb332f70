import { makeBackup } from './backup/make-backup.ts'
import { runOn } from './backup/run-on.ts'

// npm run backup: copies a running platform's data into a folder.

await runOn('backup', makeBackup)
