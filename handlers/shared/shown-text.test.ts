import { expect, test } from '@jest/globals'
import { z } from 'zod'
import { cpuTime } from '../../test/cpu-time.ts'
import { faultOf, shownText } from './shown-text.ts'

test.each([
  'Alice',
  'Zoë O’Hara-Łuczak',
  '李小龍',
  'राम प्रसाद',
  'نیم\u200cفاصله', // a zero-width non-joiner between what is visible
  'שָׁלוֹם',
  'བསྒྲུབས',
  'မြွှော့',
  'คุณน้ำ',
  '한국어',
  '🦊',
  '👨‍👩‍👧',
  '1️⃣',
  '🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}',
  '\u2067שלום\u2069 Alice',
  '\u202bשלום\u202c',
  '\u200fאבג', // a right-to-left mark overrides nothing
  'Dr. A.',
  '?',
  'Việt Nam',
  'x\u0301\u0302\u0303\u0304',
  'soft\u00adhyphen',
])('%j may be shown', (text) => {
  expect(faultOf(text)).toBeUndefined()
})

test.each([
  ['nothing', '', /visible/],
  ['a space', ' ', /visible/],
  ['wide and narrow spaces', '\u3000\u2003\u00a0', /visible/],
  ['a zero-width space', '\u200b', /visible/],
  ['a Hangul filler', '\u3164', /visible/],
  ['a halfwidth Hangul filler', '\uffa0', /visible/],
  ['Hangul jamo fillers', '\u115f\u1160', /visible/],
  ['a blank of Braille', '\u2800\u2800', /visible/],
  ['a word joiner', '\u2060', /visible/],
  ['a byte order mark', '\ufeff', /visible/],
  ['a soft hyphen', '\u00ad', /visible/],
  ['joiners', '\u200d\u200c', /visible/],
  ['a variation selector', '\ufe0f', /visible/],
  ['tags', '\u{e0041}\u{e0042}', /visible/],
  ['a Mongolian vowel separator', '\u180e', /visible/],
  ['a Khmer vowel that is not drawn', '\u17b4', /visible/],
  ['a mark alone', '\u0301', /visible/],
  ['a direction override alone', '\u202e', /visible/],
  ['an object replacement', '\ufffc', /visible/],
  ['a note head that is not drawn', '\u{1d159}', /visible/],
  ['sixty marks on a letter', `a${'\u0301'.repeat(60)}`, /marks/],
  ['five marks', 'x\u0301\u0302\u0303\u0304\u0305', /marks/],
  ['marks with joiners between them', `x${'\u0301\u034f'.repeat(6)}`, /marks/],
  ['sixty vowel signs', `क${'\u093e'.repeat(60)}`, /marks/],
  ['an override to the left', 'photo\u202egpj.exe', /direction/],
  ['an override that ends', '\u202eabc\u202c', /direction/],
  ['an override to the right', '\u202dabc\u202c', /direction/],
  ['an embedding that goes on', '\u202babc', /direction/],
  ['an isolate that goes on', 'abc\u2067', /direction/],
  ['an end without a beginning', 'abc\u2069', /direction/],
  ['ends that are crossed', '\u2067\u202aabc\u2069\u202c', /direction/],
  ['a line end', 'a\nb', /control/],
  ['a line separator', 'a\u2028b', /control/],
  ['a paragraph separator', 'a\u2029b', /control/],
  ['a C1 control', 'a\u0085b', /control/],
  ['a noncharacter', 'a\ufdd0b', /control/],
  ['half a character', 'a\ud800', /control/],
  ['a space before it', ' a', /space/],
  ['a wide space behind it', 'a\u3000', /space/],
])('%s is refused', (_, text, why) => {
  expect(faultOf(text)).toMatch(why)
})

test('is stored in NFC, counted before and after', () => {
  const name = shownText(5)
  expect(name.parse('Zoe\u0308')).toBe('Zo\u00eb')
  expect(name.safeParse('\u0958\u0958\u0958').success).toBe(false) // each is two in NFC
  expect(name.safeParse('abcdef').success).toBe(false)
  expect(z.toJSONSchema(name)).toMatchObject({ type: 'string', maxLength: 5 })
})

test('takes time proportional to the length of the text', () => {
  const began = cpuTime()
  for (const part of ['\u0301', '\ufe0f', '\u0301\u034f', '\u2067', '\u202a\u2067', ' ', '\u200b', 'a']) {
    faultOf(part.repeat(200_000))
  }
  expect(cpuTime() - began).toBeLessThan(10_000)
})
