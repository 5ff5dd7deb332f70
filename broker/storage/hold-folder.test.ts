import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { Run } from '../../test/process.ts'
import { holdFolder } from './hold-folder.ts'

test('only one broker holds a folder, whatever path leads to it; another may after close', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'hold-'))
  await symlink(dir, `${dir}-link`)
  const first = await holdFolder(dir)
  await expect(holdFolder(dir)).rejects.toThrow(`another broker uses ${dir}`)
  await expect(holdFolder(`${dir}-link`)).rejects.toThrow('another broker uses')
  await first.close()
  await (await holdFolder(dir)).close()
  await Promise.all([rm(dir, { recursive: true }), rm(`${dir}-link`)])
})

test('a broker in another container holds a shared folder until it is killed', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'hold-'))
  const unshare = process.getuid?.() === 0 ? ['unshare', '-mn'] : ['unshare', '-Urmn'] // the namespaces that containers do not share
  const other = new Run(['test/hold-folder.ts', dir], { through: unshare })
  await other.ready
  await expect(holdFolder(dir)).rejects.toThrow(`DATA_DIR: another broker uses ${dir}`)
  await expect(holdFolder(dir)).rejects.toThrow('another broker') // even after a failed attempt
  other.kill('SIGKILL')
  await other.ended
  await (await holdFolder(dir)).close()
  await rm(dir, { recursive: true })
})

test.each([
  ['ends', 'exec 3<&-'],
  ['outlives the broker', 'exec sleep 1000'],
])('a program that inherited the open file and %s does not affect the lock', async (_, program) => {
  const dir = await mkdtemp(join(tmpdir(), 'hold-'))
  const broker = new Run(['test/hold-folder.ts', dir, `test -e /proc/self/fd/3 && ${program}`])
  const said = await broker.ready
  await expect(holdFolder(dir)).rejects.toThrow('another broker uses')
  broker.child.kill('SIGKILL')
  await new Promise((resolve) => broker.child.once('exit', resolve)) // its standard error stays open
  await (await holdFolder(dir)).close()
  if (typeof said === 'number') process.kill(said, 'SIGKILL')
  await broker.ended
  await rm(dir, { recursive: true })
})
