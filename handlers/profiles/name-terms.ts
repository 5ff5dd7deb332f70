// How names are found: by their words, folded, and by what is left of a word when one letter is taken out. Two spellings that are one
// typing error apart (a letter wrong, missing, too many, or two swapped) have such a rest in common.

const MAX_WORDS = 6
/** Letters of a word that count; so a word has at most as many rests. */
const MAX_LETTERS = 12
/** Shorter words have too many neighbours. */
const LEAST_FOR_TYPOS = 4

/** The words of a name, without case, accents and punctuation, each once. */
export function wordsOf(name: string): string[] {
  const folded = name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()
  const words = folded.match(/[\p{L}\p{N}]+/gu) ?? []
  return [...new Set(words.map((word) => Array.from(word).slice(0, MAX_LETTERS).join('')))].slice(0, MAX_WORDS)
}

/** The word, and each way to take one letter out of it. */
export function restsOf(word: string): string[] {
  const letters = Array.from(word)
  if (letters.length < LEAST_FOR_TYPOS) return [word]
  return [...new Set([word, ...letters.map((_, i) => letters.toSpliced(i, 1).join(''))])]
}

/** How well a name answers a query: 0 begins with each word, 1 has each word with a typing error; undefined: not at all. */
export function distance(query: string, name: string): number | undefined {
  const words = wordsOf(name)
  let worst = 0
  for (const asked of wordsOf(query)) {
    if (words.some((word) => word.startsWith(asked))) continue
    if (!words.some((word) => isOneErrorAway(asked, word))) return undefined
    worst = 1
  }
  return worst
}

/** One letter wrong, missing or too many, or two neighbours swapped (Damerau and Levenshtein), in words of four letters and more. */
function isOneErrorAway(a: string, b: string): boolean {
  const [x, y] = [Array.from(a), Array.from(b)]
  if (Math.min(x.length, y.length) < LEAST_FOR_TYPOS - 1 || Math.max(x.length, y.length) < LEAST_FOR_TYPOS) return false
  let i = 0
  while (i < x.length && x[i] === y[i]) i++
  const same = (from: number, to: number): boolean => x.slice(from).join('') === y.slice(to).join('')
  if (x[i] === y[i + 1] && x[i + 1] === y[i] && same(i + 2, i + 2)) return true
  return same(i + 1, i + 1) || same(i, i + 1) || same(i + 1, i)
}
