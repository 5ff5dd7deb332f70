import { expect, test } from '@jest/globals'
import { DiskRoom } from './disk-room.ts'

const MB = 2 ** 20

test('measures the disk every 100 ms, and sooner when writes since then could have filled it', () => {
  let [looks, free, now] = [0, 1_000 * MB, 0]
  const look = () => {
    looks++
    return { bavail: free, blocks: 10_000 * MB, bsize: 1 }
  }
  const disk = new DiskRoom('', look, () => now)
  for (let i = 0; i < 1_000; i++) expect(disk.left).toBeCloseTo(1_000 / 64)
  expect(looks).toBe(1)
  now = 99
  void disk.left
  expect(looks).toBe(1)
  now = 100
  void disk.left
  expect(looks).toBe(2)
  disk.spend(400 * MB)
  void disk.left
  expect(looks).toBe(2)
  disk.spend(100 * MB)
  free = 32 * MB
  expect(disk.left).toBe(0.5)
  expect(looks).toBe(3)
  disk.spend(8 * MB)
  free = 8 * MB
  expect(disk.left).toBe(0.125)
  expect(disk.left).toBe(0.125)
  expect(looks).toBe(5) // each time, while it is nearly full
})
