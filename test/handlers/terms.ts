import type { expect } from '@jest/globals'
import type { z } from 'zod'
import type { Declared, EventType } from '../../shared/runtime/command.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import type { Groups } from './declared.ts'

// What the handlers declare, as types for their callers.

export type GroupName = keyof Groups

/** A value as JSON carries it: a user's id is a string. */
type Plain<T> = unknown extends T
  ? unknown
  : T extends UserId
    ? string
    : T extends readonly (infer Item)[]
      ? readonly Plain<Item>[]
      : T extends object
        ? { [Key in keyof T]: Plain<T[Key]> }
        : T

type AnyEvents = Record<string, EventType<string, any>> // oxlint-disable-line no-explicit-any -- any shape will do
type DeclaresOf<D> =
  D extends Declared<infer Input, infer Events extends AnyEvents, infer Internal>
    ? { readonly input: Input; readonly events: Events; readonly internal: Internal }
    : never
type DeclarationOf<G extends GroupName, Name> = G extends GroupName
  ? Name extends keyof Groups[G]
    ? Groups[G][Name]
    : never
  : never

/** The commands that devices send to one of these groups. */
export type CommandOf<G extends GroupName> = G extends GroupName
  ? {
      [Name in keyof Groups[G]]: DeclaresOf<Groups[G][Name]>['internal'] extends undefined ? Name & string : never
    }[keyof Groups[G]]
  : never

/** The commands of these groups that only the broker sends. */
export type InternalOf<G extends GroupName> = G extends GroupName
  ? Exclude<keyof Groups[G] & string, CommandOf<G>>
  : never

/** What a device sends with a command. */
export type InputOf<G extends GroupName, Name> = Plain<DeclaresOf<DeclarationOf<G, Name>>['input']>

type ValueOf<T> = T[keyof T]
type FieldsOfType<E> = E extends { readonly schema: infer Schema extends z.ZodType } ? Plain<z.output<Schema>> : never

/** Event name to fields: what one command may cause. */
export type EventsOf<G extends GroupName, Name> =
  DeclaresOf<DeclarationOf<G, Name>> extends { readonly events: infer Events extends AnyEvents }
    ? { [Key in keyof Events as Events[Key]['event']]: FieldsOfType<Events[Key]> }
    : never

type EventTypeOf<G extends GroupName> = G extends GroupName
  ? ValueOf<{ [Name in keyof Groups[G]]: ValueOf<DeclaresOf<Groups[G][Name]>['events']> }>
  : never

/** The events that these groups cause. */
export type EventName<G extends GroupName> = EventTypeOf<G>['event']
export type FieldsOf<G extends GroupName, Name> = FieldsOfType<Extract<EventTypeOf<G>, { readonly event: Name }>>

/** An event with these fields, as a device gets it. */
export type Got<Fields> = Fields & { readonly event: string; readonly at: string; readonly re?: string }

/** What a test expects of a value: any part of it, which may hold matchers such as `expect.any(String)`. */
export type Expected<T> =
  | ReturnType<typeof expect.anything>
  | (T extends readonly (infer Item)[]
      ? readonly Expected<Item>[]
      : T extends object
        ? { readonly [Key in keyof T]?: Expected<T[Key]> }
        : T)
