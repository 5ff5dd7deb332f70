import { z } from 'zod'
import { commandName } from '../wire/topic.ts'

/**
 * Names a command that the broker sends in the caller's name after a while, with its input. Its file takes `input: x.input`
 * and says `internal: 'later'`; whoever schedules it says `later: { x }`, and returns `later: [[500, x({ … })]]`.
 */
export interface LaterType<Name extends string = string, Shape extends z.ZodRawShape = z.ZodRawShape> {
  /** @throws {z.ZodError} when the input is not what the command takes */
  (input: z.input<z.ZodObject<Shape>>): LaterValue<Name>
  readonly command: Name
  readonly input: z.ZodObject<Shape>
}

/** A command to be sent later, as a value: what, not yet when. */
export interface LaterValue<Name extends string = string> {
  readonly command: Name
  readonly input: Record<string, unknown>
}

/** Declares a command to be sent later, by the name of its file and its input. @throws {TypeError} when the name is no command's */
export function later<const Name extends string, Shape extends z.ZodRawShape>(
  name: Name,
  shape: Shape,
): LaterType<Name, Shape> {
  const input = z.object(shape) as z.ZodObject<Shape>
  const strict = input.strict()
  const make = (given: z.input<typeof input>): LaterValue<Name> => {
    const sent = JSON.parse(JSON.stringify(given)) as Record<string, unknown> // as the command will get it
    strict.parse(sent)
    return { command: name, input: sent }
  }
  commandName(name)
  return Object.assign(make, { command: name, input })
}
