import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { ConfigError, type Config } from './config.ts'
import { makeFolder } from './make-folder.ts'

/** Describes a failure with a file or folder that a setting names: the setting, the path, the reason, and what to do. */
export function fileFault(setting: string, path: string, err: unknown, doing = 'use'): Error {
  if (err instanceof ConfigError) return err
  const { code } = err as NodeJS.ErrnoException
  if (code === undefined) return err as Error
  const [why, hint] = explain(setting, resolve(path), code)
  return new ConfigError(`${setting}: cannot ${doing} ${path}: ${why} (${code}). ${hint}`)
}

function explain(setting: string, path: string, code: string): [why: string, hint: string] {
  const elsewhere = `or set ${setting} to another path`
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return [`permission denied; ${ownerOf(path)}`, `Give it to that user (chown -R), ${elsewhere}`]
    case 'ENOENT':
      return ['it does not exist', `Create it, ${elsewhere}`]
    case 'EROFS':
      return ['the file system is read-only', `Mount a writable volume there, ${elsewhere}`]
    case 'ENOSPC':
    case 'EDQUOT':
    case 'SQLITE_FULL':
      return ['the disk is full', `Free some space, ${elsewhere}`]
    case 'EISDIR':
      return ['it is a folder', `Set ${setting} to the path of a file`]
    case 'ENOTDIR':
    case 'EEXIST':
      return ['it, or a part of its path, is a file', `Set ${setting} to the path of a folder`]
    default:
      return ['the operating system or the database engine refuses it', `Fix that, ${elsewhere}`]
  }
}

/** The owner of the path, or of its nearest parent that can be read. */
function ownerOf(path: string): string {
  for (let at = path; ; at = dirname(at)) {
    try {
      const { uid, mode } = statSync(at)
      const own = process.getuid?.() ?? 'unknown'
      return `${at} belongs to uid ${uid} with mode ${(mode & 0o7777).toString(8)}, and this process runs as uid ${own}`
    } catch {
      if (at === dirname(at)) return 'its owner is unknown'
    }
  }
}

/**
 * A folder below `DATA_DIR`, created if it is missing, accessible to its owner only.
 * @throws {ConfigError} when this process cannot read and write there
 */
export function dataFolder({ DATA_DIR }: Pick<Config, 'DATA_DIR'>, ...names: string[]): string {
  const folder = join(DATA_DIR, ...names)
  try {
    makeFolder(folder)
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK)
    return folder
  } catch (err) {
    throw fileFault('DATA_DIR', folder, reasonOf(folder, err))
  }
}

/** Why a folder cannot be made: Node says ENOENT of it also where its parent is read-only. */
function reasonOf(folder: string, err: unknown): unknown {
  if ((err as NodeJS.ErrnoException).code !== 'ENOENT') return err
  let parent = resolve(folder)
  while (!existsSync(parent)) parent = dirname(parent)
  try {
    accessSync(parent, constants.W_OK)
    return err
  } catch (reason) {
    return reason
  }
}

/** @throws {ConfigError} when one of the files exists and cannot be read and written */
export function mustBeUsable(setting: string, files: readonly string[]): void {
  for (const file of files) {
    try {
      accessSync(file, constants.R_OK | constants.W_OK)
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code !== 'ENOENT') throw fileFault(setting, file, err)
    }
  }
}
