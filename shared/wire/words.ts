// What counts as a word, the same for every engine: a text and a search for it are taken apart alike.

const MAX_WORDS = 2_000
const MAX_CHARACTERS = 40

// Accents and the like. Not the marks of the scripts of India and South-East Asia, which are their vowels, and not the
// two of Japanese, which make other letters: without them one word would be found for another.
const ACCENTS = /(?![\u3099\u309a])(?=[\p{sc=Inherited}\p{sc=Cyrillic}\p{sc=Hebrew}\p{sc=Arabic}\p{sc=Syriac}])\p{M}/gu

// Scripts that put no space between words, and Hangul, which hangs particles on them: each letter is a word.
const DENSE =
  '(?=\\p{L}|\\p{N})[\\p{scx=Han}\\p{scx=Hiragana}\\p{scx=Katakana}\\p{scx=Hangul}\\p{scx=Bopomofo}\\p{scx=Yi}' +
  '\\p{scx=Thai}\\p{scx=Lao}\\p{scx=Khmer}\\p{scx=Myanmar}]\\p{M}*'
const WORD = new RegExp(`${DENSE}|(?:(?!${DENSE})[\\p{L}\\p{N}]\\p{M}*)+`, 'gu')
const START = new RegExp(`^.{0,${MAX_CHARACTERS}}`, 'u')

/**
 * The different words of a text, in its order: runs of letters and digits of any script, without accents and case. Of a
 * word the first 40 characters count, of a text the first 2,000 different words.
 */
export function wordsOf(text: string): string[] {
  // Put together again at the end, because taken apart a Korean syllable is three letters.
  const plain = text.normalize('NFKD').replace(ACCENTS, '').normalize('NFC')
  const words = new Set<string>()
  for (const [word] of plain.matchAll(WORD)) {
    words.add(START.exec(withoutCase(word))![0])
    if (words.size === MAX_WORDS) break
  }
  return [...words]
}

/** By way of capitals, small at first, because only so `ß` and `ẞ` are `ss` and every sigma is the same. */
function withoutCase(word: string): string {
  return word.toLowerCase().toUpperCase().toLowerCase()
}
