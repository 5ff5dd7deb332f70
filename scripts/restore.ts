import { restoreBackup } from './backup/restore-backup.ts'
import { runOn } from './backup/run-on.ts'

// npm run restore: puts a backup into an empty DATA_DIR.

await runOn('restore', restoreBackup)
