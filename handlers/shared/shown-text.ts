import { z } from 'zod'

// Text of one line that others are shown: names, titles, statuses. One rule for all of them.

/** Characters that draw nothing although Unicode counts them as letters or symbols: two hieroglyphs, a note head, Braille, a stand-in for objects. */
const BLANK = '\\u2800\\ufffc\\u{1d159}\\u{13441}\\u{13442}'
/** Ignorable ones are the zero-width characters, tags, variation selectors and the fillers of Hangul [UAX #44]. */
const VISIBLE = new RegExp(
  `(?![\\p{Default_Ignorable_Code_Point}${BLANK}])[\\p{L}\\p{N}\\p{P}\\p{S}\\p{Co}\\p{Cn}]`,
  'u',
)
const BREAKS = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}]/u
const IGNORABLE = /\p{Default_Ignorable_Code_Point}/gu
/** UTS #39 [5.4] allows four nonspacing marks in a row; with vowel signs beside them some scripts write more. */
const TOO_MANY_MARKS = /[\p{Mn}\p{Me}]{5}|\p{M}{9}/u
const DIRECTIONS = /[\u202a-\u202e\u2066-\u2069]/g

/** What is wrong with a text that others are to be shown; undefined when nothing is. */
export function faultOf(text: string): string | undefined {
  if (BREAKS.test(text)) return 'must hold no control characters and no line breaks'
  if (!VISIBLE.test(text)) return 'must hold something visible'
  if (text.trim() !== text) return 'must not begin or end with a space'
  // What is ignored is drawn between marks as if it were not there.
  if (TOO_MANY_MARKS.test(text.replace(IGNORABLE, ''))) return 'must not stack more than 4 marks on a letter'
  return areDirectionsBalanced(text) ? undefined : 'must not override the direction of text, and must end what sets it'
}

/** Every embedding and isolate ends within the text, and nothing is overridden [UAX #9]: what stands behind it keeps its direction. */
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

/** A field with such a text, of at most so many characters; in NFC, so that equal names are equal texts. */
export function shownText(most: number) {
  return z
    .string()
    .max(most)
    .normalize('NFC')
    .max(most)
    .superRefine((text, context) => {
      const message = faultOf(text)
      if (message !== undefined) context.addIssue({ code: 'custom', message })
    })
}
