import { readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { z } from 'zod'
import { EXTENSION } from '../own-modules.ts'
import type { Catalogue } from '../wire/catalogue.ts'
import { faultOfCommand, faultOfEvent, faultOfGroup, SHARED_FOLDER } from '../wire/reserved.ts'
import { isCommandName } from '../wire/topic.ts'
import { isCommand, type DeclaredCommand } from './command.ts'

/** A group's commands, by name. */
export type Commands = ReadonlyMap<string, DeclaredCommand>

/** The groups: the folders of `handlers/`, except the one that holds what several groups share. */
export async function groupsIn(root: string): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true })
  return entries
    .filter((entry) => entry.isDirectory() && entry.name !== SHARED_FOLDER)
    .map(({ name }) => name)
    .toSorted()
}

/**
 * Loads one group: every file `<command>.ts` of its folder. A file with a hyphen in its name is not a command.
 * @throws {Error} naming a file that exports no command, or declares a reserved name
 */
export async function loadGroup(root: string, group: string): Promise<Commands> {
  const misnamed = faultOfGroup(group)
  if (misnamed !== undefined) throw new Error(`${resolve(root, group)}: ${misnamed}`)
  const commands = new Map<string, DeclaredCommand>()
  for (const file of (await filesOf(root, group)).toSorted()) {
    const name = file.slice(0, -EXTENSION.length)
    const path = resolve(root, group, file)
    if (!isCommandName(name)) throw new Error(`${path}: a command's file must be named in snake_case, like its topic`)
    const module: unknown = await import(pathToFileURL(path).href)
    const declared = (module as { default?: unknown }).default
    if (!isCommand(declared)) {
      throw new Error(`${path}: must \`export default command({ … })\`; if it is not a command, give its name a hyphen`)
    }
    const fault = [faultOfCommand(name), ...[...declared.events.keys()].map(faultOfEvent)].find(Boolean)
    if (fault !== undefined) throw new Error(`${path}: ${fault}`)
    commands.set(name, declared)
  }
  for (const [name, declared] of commands) {
    const fault = faultOfLater(declared, commands)
    if (fault !== undefined) throw new Error(`${resolve(root, group, `${name}${EXTENSION}`)}: ${fault}`)
  }
  return commands
}

/** Why a command's `later` is wrong; undefined when it is right. */
export function faultOfLater(declared: DeclaredCommand, commands: Commands): string | undefined {
  for (const [name, { input }] of declared.later) {
    const taker = commands.get(name)
    if (!taker) return `later: this group has no command ${name}`
    if (taker.internal !== 'later') return `later: the command ${name} must declare internal: 'later'`
    if (!isSame(taker.input.shape, input.shape))
      return `later: the command ${name} declares another input; it must declare input: ${name}.input`
  }
  return undefined
}

/** Whether both hold the same schema objects, not only equal ones. */
function isSame(one: z.ZodRawShape, other: z.ZodRawShape): boolean {
  const names = Object.keys(one)
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name])
}

/**
 * What the broker must know about all groups.
 * @throws {Error} naming the file of a command that has the name of another command, or of an event that it does not cause
 */
export async function describe(root: string): Promise<Catalogue> {
  const groups = new Map<string, Commands>()
  for (const group of await groupsIn(root)) groups.set(group, await loadGroup(root, group))
  for (const [group, commands] of groups) {
    for (const [name, command] of commands) {
      const fault = faultBeside(groups, group, name, command)
      if (fault !== undefined) throw new Error(`${resolve(root, group, `${name}${EXTENSION}`)}: ${fault}`)
    }
  }
  return Object.fromEntries([...groups].map(([group, commands]) => [group, declarationOf(commands)]))
}

/** Why a command's name clashes with another group's; undefined when it does not. A command may cause an event of its own name. */
function faultBeside(
  groups: ReadonlyMap<string, Commands>,
  group: string,
  name: string,
  own: DeclaredCommand,
): string | undefined {
  for (const [other, commands] of groups) {
    if (other < group && commands.has(name)) return `the group ${other} has a command ${name} too; rename one of them`
    const isEvent = [...commands.values()].some(({ events }) => events.has(name))
    if (isEvent && !own.events.has(name))
      return `${name} is an event of the group ${other}; choose another name for the command`
  }
  return undefined
}

/** What the broker must know about one group. */
export function declarationOf(commands: Commands): Catalogue[string] {
  const events = new Map([...commands.values()].flatMap((command) => [...command.events]))
  const live = [...events].flatMap(([name, { live }]) => (live ? [[name, live] as const] : []))
  const wakes = [...events].flatMap(([name, { wakes }]) => (wakes ? [[name, wakes] as const] : []))
  const fromStrangers = [...events].flatMap(([name, one]) => (one.fromStrangers ? [name] : []))
  return {
    commands: Object.fromEntries(
      [...commands].map(([name, { internal, needs, replyTo, ordered, timeoutMs, attempts, seesClients }]) => [
        name,
        {
          ordered,
          timeoutMs,
          attempts,
          ...(internal ? { internal } : replyTo !== 'user' && { replyTo }),
          ...(needs !== undefined && { needs }),
          ...(seesClients && { seesClients }),
        },
      ]),
    ),
    events: [...events.keys()].toSorted(),
    ...(live.length > 0 && { live: Object.fromEntries(live) }),
    ...(wakes.length > 0 && { wakes: Object.fromEntries(wakes.map(([name, fields]) => [name, [...fields]])) }),
    ...(fromStrangers.length > 0 && { fromStrangers: fromStrangers.toSorted() }),
  }
}

async function filesOf(root: string, group: string): Promise<string[]> {
  const files = await readdir(join(root, group)).catch(() => {
    throw new Error(`unknown group ${group}: there is no folder ${join(root, group)}`)
  })
  return files.filter((file) => file.endsWith(EXTENSION) && !file.endsWith(`.test${EXTENSION}`) && !file.includes('-'))
}
