import { statfs } from 'node:fs/promises'

/** Bytes of the disk that holds a folder; undefined where it cannot be asked. `free`: for us, without what only root may use. */
export async function diskOf(folder: string): Promise<{ free: number; total: number } | undefined> {
  const disk = await statfs(folder).catch(() => undefined)
  return disk && { free: disk.bavail * disk.bsize, total: disk.blocks * disk.bsize }
}
