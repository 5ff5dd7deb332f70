import { z } from 'zod'

const MAX_NAME = 100
const MAX_MESSAGE = 500
const MAX_STACK = 2_000
/** The most frames of a stack. */
const FRAMES = 10
/** The most characters of a text that are read. */
const MAX_READ = 4_000
/** The most values of a payload that are searched for, longest first. */
const MAX_VALUES = 500

/** An error as operators read it, in a dead letter and in a handler's log. */
export const toldError = z.strictObject({
  name: z.string().max(MAX_NAME),
  message: z.string().max(MAX_MESSAGE),
  stack: z.string().max(MAX_STACK).optional(),
})
export type ToldError = z.output<typeof toldError>

/**
 * Reduces an error to what operators may see: without values of the payload, text in double quotes (engines quote data so), tokens,
 * passwords, session descriptions and long random text. Bounded for any input.
 */
export function tell(err: unknown, payload?: unknown): ToldError {
  const values = valuesOf(payload)
  if (!(err instanceof Error)) return { name: typeof err, message: cut(redacted(String(err), values), MAX_MESSAGE) }
  const { stack } = err
  const frames = typeof stack === 'string' ? framesOf(stack) : ''
  return {
    name: cut(nameOf(err), MAX_NAME),
    message: cut(redacted(messageOf(err), values), MAX_MESSAGE),
    ...(frames !== '' && { stack: cut(hide(frames, values.filter(isLong)), MAX_STACK) }),
  }
}

/** Applies `tell` to an error that another process has told. */
export function tellAgain({ name, message, stack }: ToldError, payload: unknown): ToldError {
  const values = valuesOf(payload)
  const frames = stack === undefined ? '' : framesOf(stack.replace(/^/gm, '  '))
  return {
    name: cut(redacted(name, []), MAX_NAME),
    message: cut(redacted(message, values), MAX_MESSAGE),
    ...(frames !== '' && { stack: cut(hide(frames, values.filter(isLong)), MAX_STACK) }),
  }
}

/** Replaces secrets in a text for operators. */
export function redacted(text: string, values: readonly string[] = []): string {
  let told = hide(text.slice(0, MAX_READ), values)
  for (const [secret, instead] of SECRETS) told = told.replace(secret, instead)
  return told
}

const SECRETS: [RegExp, string][] = [
  [/(?:\bv=0\b|\b[acmo]=[a-z]+[:/ ]|\bcandidate:)[^]*/i, '[sdp]'],
  [/(?<![\w-])[\w-]{10,}\.[\w-]{10,}\.[\w-]{5,}/g, '[token]'],
  [/(\w:\/\/)[^\s/@]+@/g, '$1[secret]@'],
  [/\b(bearer|basic)\s+\S+/gi, '$1 [secret]'],
  [/((?:password|passwd|secret|token|credential|authorization|key)["']?\s*[:=]\s*)\S+/gi, '$1[secret]'],
  [/"[^"\n]*(?:"|$)/gm, '"…"'],
  [/[A-Za-z0-9+_=-]{32,}/g, '[secret]'],
]

function nameOf(err: Error): string {
  const code = (err as { code?: unknown }).code
  const known = typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,40}$/.test(code) ? ` [${code}]` : ''
  return `${err.name}${known}`
}

/** The error's message with those of its causes. */
function messageOf(err: Error): string {
  const said: string[] = []
  for (let one: unknown = err; one instanceof Error && said.length < 3; one = one.cause) said.push(ownMessage(one))
  return said.join('; caused by: ')
}

/** zod's own message is JSON, whose double quotes would hide everything. */
function ownMessage(err: Error): string {
  if (!(err instanceof z.ZodError)) return err.message
  return err.issues
    .slice(0, 20)
    .map(({ path, message }) => `${path.join('.')}: ${message}`)
    .join('; ')
}

/** The stack's frames, without the path where the platform is installed. */
function framesOf(stack: string): string {
  return stack
    .slice(0, 4 * MAX_READ)
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, FRAMES)
    .map((line) =>
      line
        .trim()
        .slice(0, 300)
        .replace(/(?:file:\/\/)?\/\S*?\/(?=(?:handlers|shared|broker|node_modules)\/)/, ''),
    )
    .join('\n')
}

/** Every text, number and inner key of a payload that is long enough to be recognised among other words. */
function valuesOf(payload: unknown): string[] {
  const found = new Set<string>()
  const look = (value: unknown, isInner: boolean): void => {
    if (found.size >= 10 * MAX_VALUES) return
    if (typeof value === 'string' || typeof value === 'number') {
      const text = String(value)
      if (text.length > 1) for (const form of [text, JSON.stringify(text).slice(1, -1)]) found.add(form)
    } else if (typeof value === 'object' && value !== null) {
      for (const [name, inner] of Object.entries(value)) {
        if (isInner && !Array.isArray(value)) look(name, true)
        look(inner, true)
      }
    }
  }
  look(payload, false)
  return [...found].toSorted((a, b) => b.length - a.length).slice(0, MAX_VALUES)
}

const isLong = (value: string): boolean => value.length >= 8

function hide(text: string, values: readonly string[]): string {
  let hidden = text
  for (const value of values) {
    if (isLong(value)) hidden = hidden.replaceAll(value, '[input]')
    else hidden = hidden.replace(new RegExp(`(?<!\\w)${escaped(value)}(?!\\w)`, 'g'), '[input]')
  }
  return hidden
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}

function cut(text: string, max: number): string {
  return (text.length > max ? `${text.slice(0, max - 1)}…` : text).toWellFormed()
}
