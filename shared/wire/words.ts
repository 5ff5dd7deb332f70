// What counts as a word. Texts and searches are split in the same way, for every storage engine.

/**
 * The version of these functions' results: to be raised with each change. Indexes remember theirs, and are rebuilt when they are
 * opened with another.
 */
export const FOLDING = 2

const MAX_WORDS = 2_000
const MAX_CHARACTERS = 40

// Accents and similar marks. Not the vowel signs of Indian and South-East Asian scripts, and not the two Japanese marks that make
// other letters: without those, a search would find other words.
const ACCENTS = /(?![\u3099\u309a])(?=[\p{sc=Inherited}\p{sc=Cyrillic}\p{sc=Hebrew}\p{sc=Arabic}\p{sc=Syriac}])\p{M}/gu

// Characters that only affect how a word is drawn or broken do not end it [UAX #29 WB4]: soft hyphens, joiners and non-joiners,
// direction marks, and the strokes that lengthen Arabic or N'Ko words. A zero-width space separates words.
const UNSEEN = /(?!\u200b)[\p{Cf}\p{Default_Ignorable_Code_Point}\u0640\u07fa]/gu

/** Letters that Unicode does not decompose, with their spelling without the stroke, the hook or the ligature. */
const PLAIN = new Map(
  (
    'æ:ae œ:oe ꜳ:aa ø:o đ:d ð:d þ:th ł:l ħ:h ŧ:t ŋ:n ĸ:k ı:i ȷ:j ƀ:b ɓ:b ƃ:b ȼ:c ƈ:c ɖ:d ɗ:d ƌ:d ƒ:f ǥ:g ɠ:g ɦ:h ⱨ:h ɨ:i ɉ:j ƙ:k ⱪ:k ' +
    'ƚ:l ɫ:l ⱡ:l ɱ:m ɲ:n ƞ:n ɵ:o ƥ:p ᵽ:p ʠ:q ɍ:r ɽ:r ʂ:s ȿ:s ƫ:t ƭ:t ʈ:t ⱦ:t ʉ:u ʋ:v ⱳ:w ƴ:y ɏ:y ƶ:z ȥ:z ɀ:z ' +
    // Alef with wasla; Persian and Arabic keyboards write yeh and kaf as different characters.
    'ٱ:ا ی:ي ى:ي ک:ك'
  )
    .split(' ')
    .map((pair) => pair.split(':') as [string, string]),
)
const IN_PLAIN = new RegExp(`[${[...PLAIN.keys()].join('')}]`, 'gu')

// Scripts without spaces between words, and Hangul, which appends particles to words: each letter counts as a word.
const SCRIPTS =
  'Han Hiragana Katakana Hangul Bopomofo Yi Nushu Tangut Thai Lao Khmer Myanmar Tai_Le New_Tai_Lue Tai_Tham Tai_Viet Ahom ' +
  'Javanese Balinese'
const OF_DENSE = `[${SCRIPTS.split(' ')
  .map((script) => `\\p{scx=${script}}`)
  .join('')}]`
const DENSE = `(?=\\p{L}|\\p{N})${OF_DENSE}\\p{M}*`
const SPACED = `(?:(?!${DENSE})[\\p{L}\\p{N}]\\p{M}*)+`
const WORD = new RegExp(`${DENSE}|${SPACED}`, 'gu')
const RUN = new RegExp(`(?:${DENSE})+|${SPACED}`, 'gu')
const GAP = new RegExp(`(?<=${DENSE})\\s+(?=${DENSE})`, 'gu')
const IS_DENSE = new RegExp(`^${DENSE}`, 'u')
// Without it a search that fails starts again at each letter of a word, which takes the square of its length.
const WORD_START = `(?=[\\p{L}\\p{N}])(?<!(?!${DENSE})[\\p{L}\\p{N}]\\p{M}*)`
/** Words joined by a hyphen, an apostrophe or a middle dot between letters. */
const JOINED = new RegExp(`${WORD_START}${SPACED}(?:(?<![\\p{N}])[-\\u2010'\\u2019\\u00b7](?!\\p{N})${SPACED})+`, 'gu')
const START = new RegExp(`^.{0,${MAX_CHARACTERS}}`, 'u')

/** Folds a text for comparison: without accents, case, ligatures, strokes and invisible characters. */
export function fold(text: string): string {
  // Composed again at the end, because a decomposed Korean syllable is three letters.
  const bare = text.normalize('NFKD').replace(UNSEEN, '').replace(ACCENTS, '').normalize('NFC')
  return withoutCase(bare).replace(IN_PLAIN, (letter) => PLAIN.get(letter)!)
}

/**
 * The distinct words of a text, in order: runs of letters and digits of any script, folded. Only the first 40 characters of a word
 * count, and the first 2,000 distinct words of a text.
 */
export function wordsOf(text: string): string[] {
  return [...collect(fold(text).matchAll(WORD))]
}

/** The words by which a text is found: its own, and its joined words as one. */
export function indexedWordsOf(text: string): string[] {
  const folded = fold(text)
  const words = collect(folded.matchAll(WORD))
  return [...collect(compounds(folded), words)]
}

/** The joined words of a folded text, without their hyphens and apostrophes: `jeanluc`. */
export function* compounds(folded: string): Generator<[string]> {
  for (const [joined] of folded.matchAll(JOINED)) yield [joined.replace(/[^\p{L}\p{N}\p{M}]/gu, '')]
}

/** The words of a folded text, where letters of scripts without spaces stay together. */
export function runsOf(folded: string): string[] {
  return folded.match(RUN) ?? []
}

/** A folded name without the spaces between letters of scripts that need none. */
export function closeGaps(folded: string): string {
  return folded.replace(GAP, '')
}

/** Whether the word begins with a letter of a script without spaces. */
export function isDense(word: string): boolean {
  return IS_DENSE.test(word)
}

function collect(found: Iterable<ArrayLike<string>>, words = new Set<string>()): Set<string> {
  for (const [word] of found as Iterable<[string]>) {
    if (words.size >= MAX_WORDS) break
    words.add(START.exec(word)![0])
  }
  return words
}

/** Lower, upper, lower case: only this makes `ß` and `ẞ` `ss`, and all sigmas equal. */
function withoutCase(text: string): string {
  return text.toLowerCase().toUpperCase().toLowerCase()
}
