// What counts as a word, the same for every engine and every search: a text and a search for it are taken apart alike.

/**
 * Grows with each change of what these functions give. Indexes are made of it, and remember which one: an index of another
 * folding is made again when it is opened.
 */
export const FOLDING = 2

const MAX_WORDS = 2_000
const MAX_CHARACTERS = 40

// Accents and the like. Not the marks of the scripts of India and South-East Asia, which are their vowels, and not the
// two of Japanese, which make other letters: without them one word would be found for another.
const ACCENTS = /(?![\u3099\u309a])(?=[\p{sc=Inherited}\p{sc=Cyrillic}\p{sc=Hebrew}\p{sc=Arabic}\p{sc=Syriac}])\p{M}/gu

// What only tells how a word is drawn or broken does not end it [UAX #29 WB4]: soft hyphens, joiners and non-joiners, marks of
// direction, and the strokes that make an Arabic or N'Ko word longer. A zero-width space stands between words.
const UNSEEN = /(?!\u200b)[\p{Cf}\p{Default_Ignorable_Code_Point}\u0640\u07fa]/gu

/** Letters that Unicode does not take apart, by how they are written without the stroke, the hook or the ligature. */
const PLAIN = new Map(
  (
    'æ:ae œ:oe ꜳ:aa ø:o đ:d ð:d þ:th ł:l ħ:h ŧ:t ŋ:n ĸ:k ı:i ȷ:j ƀ:b ɓ:b ƃ:b ȼ:c ƈ:c ɖ:d ɗ:d ƌ:d ƒ:f ǥ:g ɠ:g ɦ:h ⱨ:h ɨ:i ɉ:j ƙ:k ⱪ:k ' +
    'ƚ:l ɫ:l ⱡ:l ɱ:m ɲ:n ƞ:n ɵ:o ƥ:p ᵽ:p ʠ:q ɍ:r ɽ:r ʂ:s ȿ:s ƫ:t ƭ:t ʈ:t ⱦ:t ʉ:u ʋ:v ⱳ:w ƴ:y ɏ:y ƶ:z ȥ:z ɀ:z ' +
    // Alef with wasla; Persian keyboards and Arabic ones write yeh and kaf as different characters.
    'ٱ:ا ی:ي ى:ي ک:ك'
  )
    .split(' ')
    .map((pair) => pair.split(':') as [string, string]),
)
const IN_PLAIN = new RegExp(`[${[...PLAIN.keys()].join('')}]`, 'gu')

// Scripts that put no space between words, and Hangul, which hangs particles on them: each letter is a word.
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
/** Words that a hyphen, an apostrophe or a middle dot makes one, with letters on either side. */
const JOINED = new RegExp(`${SPACED}(?:(?<![\\p{N}])[-\\u2010'\\u2019\\u00b7](?!\\p{N})${SPACED})+`, 'gu')
const START = new RegExp(`^.{0,${MAX_CHARACTERS}}`, 'u')

/** The text with its letters as they are compared: without accents, case, ligatures, strokes and what is not seen. */
export function fold(text: string): string {
  // Put together again at the end, because taken apart a Korean syllable is three letters.
  const bare = text.normalize('NFKD').replace(UNSEEN, '').replace(ACCENTS, '').normalize('NFC')
  return withoutCase(bare).replace(IN_PLAIN, (letter) => PLAIN.get(letter)!)
}

/**
 * The different words of a text, in its order: runs of letters and digits of any script, folded. Of a word the first 40
 * characters count, of a text the first 2,000 different words.
 */
export function wordsOf(text: string): string[] {
  return [...collect(fold(text).matchAll(WORD))]
}

/** What a text is found by: its words, and those that it joins by hyphens and apostrophes as one. */
export function indexedWordsOf(text: string): string[] {
  const folded = fold(text)
  const words = collect(folded.matchAll(WORD))
  return [...collect(compounds(folded), words)]
}

/** Words joined by hyphens and apostrophes, without those: `jeanluc`. Of folded text. */
export function* compounds(folded: string): Generator<[string]> {
  for (const [joined] of folded.matchAll(JOINED)) yield [joined.replace(/[^\p{L}\p{N}\p{M}]/gu, '')]
}

/** Words of folded text, with letters of scripts without spaces kept together as they stand. */
export function runsOf(folded: string): string[] {
  return folded.match(RUN) ?? []
}

/** Folded text without the spaces between letters of scripts that need none: those of a name. */
export function closeGaps(folded: string): string {
  return folded.replace(GAP, '')
}

/** Does it begin with a letter of a script that puts no space between words? */
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

/** By way of capitals, small at first, because only so `ß` and `ẞ` are `ss` and every sigma is the same. */
function withoutCase(text: string): string {
  return text.toLowerCase().toUpperCase().toLowerCase()
}
