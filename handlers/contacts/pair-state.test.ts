import { expect, test } from '@jest/globals'
import { MAX_BEGUN } from '../../shared/wire/stamp.ts'
import { listed, outcome, perform, setBlock, STRANGERS, type Act, type Outcome, type Pair } from './pair-state.ts'

const ACTS = ['request', 'accept', 'reject', 'cancel', 'remove'] as const satisfies readonly Act[]
const DEEDS = [...ACTS, 'block', 'unblock'] as const
type Deed = (typeof DEEDS)[number]

/** The outcomes that the other hears of, and which state the answer tells the one who acted. */
const ANSWERS: Partial<Record<Outcome<Act>, string>> = {
  asked: 'requested',
  accepted: 'contact',
  rejected: 'none',
  cancelled: 'none',
  removed: 'none',
}

let commands = 0
const next = () => ({ id: `command ${++commands}`, order: commands, at: new Date(commands) })

/** One user does something to the other. */
function play(before: Pair, deed: Deed, cause = next()) {
  if (deed === 'block' || deed === 'unblock') {
    return { after: setBlock(before, deed === 'block', cause), answer: 'block_list', heard: undefined }
  }
  const after = perform(before, deed, cause, 'a note')
  const word = outcome(after, deed, cause.id)
  return { after, answer: ANSWERS[word] ?? word, heard: word in ANSWERS ? word : undefined }
}

const turned = ({ mine, theirs, note }: Pair): Pair => ({ mine: theirs, theirs: mine, note })

/** A pair without the commands it remembers, which differ each time. */
const shapeOf = (...pairs: Pair[]) =>
  JSON.stringify(pairs, (key, value: unknown) => (key === 'recent' ? undefined : value))

/** All states that can be reached in any number of steps. */
function explore<World>(start: World, shape: (world: World) => string, next: (world: World) => World[]): World[] {
  const seen = new Map([[shape(start), start]])
  for (const world of seen.values()) {
    for (const after of next(world)) if (!seen.has(shape(after))) seen.set(shape(after), after)
  }
  return [...seen.values()]
}

const everyPair = explore(STRANGERS, shapeOf, (pair) =>
  DEEDS.flatMap((deed) => [play(pair, deed).after, turned(play(turned(pair), deed).after)]),
)

test('mirrors the state of two users in every order of their commands and blocks', () => {
  const seen = new Set(everyPair.map(({ mine, theirs }) => `${mine.sees} ${theirs.sees}`))
  expect([...seen].sort()).toEqual(['contact contact', 'none none', 'requested requesting', 'requesting requested'])
})

test('does not let a block be detected, whatever Bob and Alice do and in any order', () => {
  const told: string[] = []
  // Two worlds from Bob's side: the real one, and a calm one where Alice is offline whenever she would block him.
  const start = { real: STRANGERS, calm: STRANGERS }
  explore(
    start,
    ({ real, calm }) => shapeOf(real, calm),
    ({ real, calm }) =>
      DEEDS.flatMap((deed) => {
        const bob = { real: play(real, deed), calm: play(calm, deed) }
        if (bob.real.answer !== bob.calm.answer) told.push(`${deed} answers ${bob.real.answer}, not ${bob.calm.answer}`)
        if (bob.real.heard && real.theirs.blocks) told.push(`Alice hears of ${deed}`)

        const away = real.theirs.blocks || deed === 'block' || deed === 'unblock'
        const alice = {
          real: play(turned(real), deed),
          calm: away ? { after: turned(calm), heard: undefined } : play(turned(calm), deed),
        }
        if (alice.real.heard !== alice.calm.heard) told.push(`Bob hears of ${deed} otherwise`)

        const worlds = [
          { real: bob.real.after, calm: bob.calm.after },
          { real: turned(alice.real.after), calm: turned(alice.calm.after) },
        ]
        for (const after of worlds) if (listOf(after.real) !== listOf(after.calm)) told.push(`a list after ${deed}`)
        return worlds
      }),
  )
  expect(told).toEqual([])
})

function listOf({ mine, note }: Pair): string {
  return [listed(mine), mine.sees, note].join()
}

test('recognises a redelivered command, whatever the other user did meanwhile', () => {
  const forgot: string[] = []
  for (const pair of everyPair) {
    for (const act of ACTS) {
      const same = next()
      const first = play(pair, act, same)
      for (const deed of DEEDS) {
        const meanwhile = turned(play(turned(first.after), deed).after)
        const again = play(meanwhile, act, same)
        const heard = deed === 'block' ? undefined : first.heard
        if (again.after !== meanwhile || again.answer !== first.answer || again.heard !== heard) {
          forgot.push(`${act} from ${shapeOf(pair)}, then ${deed}`)
        }
      }
    }
  }
  expect(forgot).toEqual([])
})

test('recognises all commands that a user had begun when the process died, redelivered in order', () => {
  for (const pair of everyPair) {
    const begun = Array.from({ length: MAX_BEGUN }, (_, i) => ({ deed: DEEDS[(i * 3) % DEEDS.length]!, cause: next() }))
    let now = pair
    const first = begun.map(({ deed, cause }) => {
      const { after, ...told } = play(now, deed, cause)
      now = after
      return told
    })
    for (const [i, { deed, cause }] of begun.entries())
      expect(play(now, deed, cause)).toEqual({ ...first[i], after: now })
  }
})

test('ignores a command from a process that was cut off, when a later one was applied', () => {
  for (const pair of everyPair) {
    for (const late of DEEDS) {
      const cut = next()
      for (const deed of DEEDS) {
        const now = play(pair, deed).after
        expect(play(now, late, cut).after).toBe(now)
      }
    }
  }
})

test.each(ACTS)('changes nothing and notifies nobody when a user repeats %s', (act) => {
  for (const pair of everyPair) {
    const first = play(pair, act)
    const again = play(first.after, act)
    expect({ ...again, after: shapeOf(again.after) }).toEqual({
      after: shapeOf(first.after),
      answer: first.answer,
      heard: undefined,
    })
  }
})

test('two requests that cross approve each other', () => {
  const asked = play(STRANGERS, 'request')
  const crossed = play(turned(asked.after), 'request')
  expect(asked.heard).toBe('asked')
  expect(crossed.heard).toBe('accepted')
  expect([crossed.after.mine.sees, crossed.after.theirs.sees, crossed.after.note]).toEqual([
    'contact',
    'contact',
    undefined,
  ])
})
