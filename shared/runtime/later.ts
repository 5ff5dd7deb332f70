import { z } from 'zod'
import { commandName } from '../wire/topic.ts'

/**
 * A later command: the broker sends it in the caller's name after a delay. Its own file declares `input: x.input` and
 * `internal: 'later'`; a command that schedules it declares `later: { x }` and returns `later: [[500, x({ … })]]`.
 */
export interface LaterType<Name extends string = string, Shape extends z.ZodRawShape = z.ZodRawShape> {
  /** @throws {z.ZodError} when the input does not fit the command */
  (input: z.input<z.ZodObject<Shape>>): LaterValue<Name>
  readonly command: Name
  readonly input: z.ZodObject<Shape>
}

/** A later command as a value, without its delay. */
export interface LaterValue<Name extends string = string> {
  readonly command: Name
  readonly input: Record<string, unknown>
}

/** Declares a later command by the name of its file and its input. @throws {TypeError} when the name is not a command name */
export function later<const Name extends string, Shape extends z.ZodRawShape>(
  name: Name,
  shape: Shape,
): LaterType<Name, Shape> {
  const input = z.object(shape) as z.ZodObject<Shape>
  const strict = input.strict()
  const make = (given: z.input<typeof input>): LaterValue<Name> => {
    const sent = JSON.parse(JSON.stringify(given)) as Record<string, unknown> // as the command gets it, from JSON
    strict.parse(sent)
    return { command: name, input: sent }
  }
  commandName(name)
  return Object.assign(make, { command: name, input })
}
