import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { watchTree } from './watch-tree.ts'

test('sees each save, however the editor saves, in new folders, too', async () => {
  const root = mkdtempSync(join(tmpdir(), 'watched-'))
  mkdirSync(join(root, 'notes'))
  const write = (file: string): void => writeFileSync(join(root, file), 'text')
  write('notes/add_note.ts')
  const seen = new EventTarget()
  const watched = watchTree(root, (file) => seen.dispatchEvent(new Event(file)))
  const isSeen = (file: string): Promise<unknown> =>
    once(seen, file, { signal: AbortSignal.timeout(20_000) }).then(() => file)

  const saves: [file: string, save: (file: string) => void][] = [
    ['notes/add_note.ts', write],
    ...['one', 'two', 'three'].map((draft): (typeof saves)[number] => [
      'notes/add_note.ts',
      (file) => execFileSync('sh', ['-c', `echo text > ${draft} && mv ${draft} ${file}`], { cwd: root }),
    ]),
    [
      'letters/post/send_letter.ts',
      (file) => {
        mkdirSync(join(root, 'letters/post'), { recursive: true })
        write(file)
      },
    ],
    ['letters/post/send_letter.ts', write],
  ]
  for (const [i, [file, save]] of saves.entries()) {
    for (const [one, act] of [[file, save] as const, [`marker-${i}`, write] as const]) {
      const noticed = isSeen(one) // no event of the save comes after the marker
      act(one)
      expect(await noticed).toBe(one)
    }
  }
  await watched.close()
  rmSync(root, { recursive: true })
})
