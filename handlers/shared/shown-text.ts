import { z } from 'zod'

// One rule for all single-line text that other users are shown: names, titles, statuses.

/** Characters that draw nothing although Unicode counts them as letters or symbols: blank Braille, the object replacement, a note head, two hieroglyphs. */
const BLANK = '\\u2800\\ufffc\\u{1d159}\\u{13441}\\u{13442}'
/** Ignorable are zero-width characters, tags, variation selectors and Hangul fillers [UAX #44]. */
const VISIBLE = new RegExp(
  `(?![\\p{Default_Ignorable_Code_Point}${BLANK}])[\\p{L}\\p{N}\\p{P}\\p{S}\\p{Co}\\p{Cn}]`,
  'u',
)
const BREAKS = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}]/u
const IGNORABLE = /\p{Default_Ignorable_Code_Point}/gu
/** UTS #39 [5.4] allows four nonspacing marks in a row; some scripts add vowel signs to them. */
const TOO_MANY_MARKS = /[\p{Mn}\p{Me}]{5}|\p{M}{9}/u
const DIRECTIONS = /[\u202a-\u202e\u2066-\u2069]/g

/** What is wrong with a text that others would be shown; undefined when nothing is. */
export function faultOf(text: string): string | undefined {
  if (BREAKS.test(text)) return 'must hold no control characters and no line breaks'
  if (!VISIBLE.test(text)) return 'must hold something visible'
  if (text.trim() !== text) return 'must not begin or end with a space'
  // Ignorable characters between marks are not drawn: the marks stack all the same.
  if (TOO_MANY_MARKS.test(text.replace(IGNORABLE, ''))) return 'must not stack more than 4 marks on a letter'
  return areDirectionsBalanced(text)
    ? undefined
    : 'must not override the text direction, and must close every direction mark'
}

/** Every embedding and isolate is closed within the text, and nothing is overridden [UAX #9], so that the text after it keeps its direction. */
function areDirectionsBalanced(text: string): boolean {
  const open: string[] = []
  for (const [mark] of text.matchAll(DIRECTIONS)) {
    if (mark === '\u202d' || mark === '\u202e') return false
    if (mark === '\u202a' || mark === '\u202b') open.push('\u202c')
    else if (mark === '\u202c' || mark === '\u2069') {
      if (open.pop() !== mark) return false
    } else open.push('\u2069')
  }
  return open.length === 0
}

/** A field for such a text, of at most `max` characters. Stored in NFC, so that names that look equal are equal. */
export function shownText(max: number) {
  return z
    .string()
    .max(max)
    .normalize('NFC')
    .max(max)
    .superRefine((text, context) => {
      const message = faultOf(text)
      if (message !== undefined) context.addIssue({ code: 'custom', message })
    })
}
