import { expect, test } from '@jest/globals'
import { seeded } from '../../../tools/random.ts'
import { parseEventTopic, eventTopic } from '../../../shared/wire/topic.ts'
import { isUserId, userIdOf } from '../../../shared/wire/user-id.ts'

// Over a million pairs of subjects, checked by an independent decoder: `decodeURIComponent`.

const PAIRS = 1_000_000
const PARTS = [
  'a',
  'b',
  '_',
  '%',
  '/',
  '+',
  '#',
  '$',
  ':',
  '|',
  '@',
  '.',
  '~',
  '-',
  ' ',
  '5F',
  '%5F',
  'é',
  '李',
  '😀',
  'A',
  '\u0000',
  'kc:',
]

/** The subject of an id, decoded by JavaScript's URL decoder. */
const meantBy = (id: string): string => decodeURIComponent(id)

test('different subjects have different ids without topic characters, and nobody can subscribe to another’s events', () => {
  const next = seeded(20261121)
  const subject = (): string => {
    const length = 1 + Math.floor(next() * 6)
    return Array.from({ length }, () => PARTS[Math.floor(next() * PARTS.length)]).join('')
  }
  const words = ['events', 'b_events', 'contact_list', 'x']
  let equal = 0
  for (let i = 0; i < PAIRS; i++) {
    const [a, b] = [subject(), subject()]
    const [idA, idB] = [userIdOf(a), userIdOf(b)]
    if ((a === b) !== (idA === idB)) throw new Error(`${JSON.stringify([a, b])} have the ids ${idA} and ${idB}`)
    if (/[_/+#$\s\u0000]/.test(idA) || !isUserId(idA) || meantBy(idA) !== a)
      throw new Error(`${JSON.stringify(a)} has the invalid id ${idA}`)
    const topic = eventTopic(idA, words[i % words.length]!)
    if (parseEventTopic(topic)?.user !== idA) throw new Error(`${topic} does not belong to ${idA}`)
    if (a !== b && topic.startsWith(`${idB}_`)) throw new Error(`${JSON.stringify(b)} could read ${topic}`)
    const aliased = userIdOf(b, 'kc')
    if (aliased === idA && !idA.startsWith('kc:'))
      throw new Error(`the aliased id ${aliased} equals the id of ${JSON.stringify(a)}`)
    if (a === b) equal++
  }
  expect(equal).toBeGreaterThan(100) // proves that equal pairs occurred
})
