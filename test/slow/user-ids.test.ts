import { expect, test } from '@jest/globals'
import { seeded } from '../../tools/random.ts'
import { parseEventTopic, eventTopic } from '../../shared/wire/topic.ts'
import { isUserId, userIdOf } from '../../shared/wire/user-id.ts'

// Over a million pairs of subjects, against an oracle that knows nothing of how ids are made: `encodeURIComponent` turned inside out.

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

/** The subject that an id stands for, by the URL decoder of the language. */
const meantBy = (id: string): string => decodeURIComponent(id)

test('different subjects have different ids, that hold nothing of a topic’s own, and nobody reads what another hears', () => {
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
    if ((a === b) !== (idA === idB)) throw new Error(`${JSON.stringify([a, b])} are ${idA} and ${idB}`)
    if (/[_/+#$\s\u0000]/.test(idA) || !isUserId(idA) || meantBy(idA) !== a)
      throw new Error(`${JSON.stringify(a)} is ${idA}`)
    const topic = eventTopic(idA, words[i % words.length]!)
    if (parseEventTopic(topic)?.user !== idA) throw new Error(`${topic} is not of ${idA}`)
    if (a !== b && topic.startsWith(`${idB}_`)) throw new Error(`${JSON.stringify(b)} reads ${topic}`)
    const aliased = userIdOf(b, 'kc')
    if (aliased === idA && !idA.startsWith('kc:')) throw new Error(`${aliased} of an issuer is ${JSON.stringify(a)}`)
    if (a === b) equal++
  }
  expect(equal).toBeGreaterThan(100) // it has met both
})
