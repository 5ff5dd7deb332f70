import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { holdFolder } from './hold-folder.ts'

test('one at a time holds a folder, by whatever name; when it is let go another may', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'hold-'))
  await symlink(dir, `${dir}-link`)
  const first = await holdFolder(dir)
  await expect(holdFolder(dir)).rejects.toThrow(`another broker uses ${dir}`)
  await expect(holdFolder(`${dir}-link`)).rejects.toThrow('another broker uses')
  await first.close()
  await (await holdFolder(dir)).close()
  await Promise.all([rm(dir, { recursive: true }), rm(`${dir}-link`)])
})
