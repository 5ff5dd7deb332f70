import { closeGaps, compounds, fold, isDense, runsOf } from '../../shared/wire/words.ts'

// Names are found by the beginnings of their words, folded as all words are, and by their rests: a word with one letter left out.
// Two spellings that are one typing error apart (a wrong, missing or extra letter, or two swapped) have a rest in common.

/** The most words of a name, and of a search for one. */
const [MAX_WORDS, MAX_ASKED] = [24, 8]
/** Letters of a word that count, which bounds its number of rests. */
const MAX_LETTERS = 12
/** Letters of the shortest word in which a typing error is forgiven: shorter words have too many neighbours. */
const MIN_FOR_TYPOS = 4

/**
 * The words by whose beginnings a name is found, each once. `Jean-Luc` also counts as one word; `李小龍`, in a script without
 * spaces, is found from any of its letters on.
 */
export function wordsOf(name: string): string[] {
  const folded = closeGaps(fold(name))
  const words = runsOf(folded).flatMap((run) => (isDense(run) ? tailsOf(run) : [run]))
  return firsts([...words, ...[...compounds(folded)].flat()], MAX_WORDS)
}

/** The words of a search for a name, each once. */
export function askedIn(query: string): string[] {
  return firsts(runsOf(fold(query)), MAX_ASKED)
}

function firsts(words: string[], max: number): string[] {
  return [...new Set(words.map((word) => Array.from(word).slice(0, MAX_LETTERS).join('')))].slice(0, max)
}

function tailsOf(run: string): string[] {
  const letters = run.match(/[\p{L}\p{N}]\p{M}*/gu) ?? []
  return letters.map((_, i) => letters.slice(i).join(''))
}

/** The word itself and each way to leave one letter out. None for words too short for typing errors, and in scripts without spaces. */
export function restsOf(word: string): string[] {
  const letters = Array.from(word)
  if (letters.length < MIN_FOR_TYPOS - 1 || isDense(word)) return []
  if (letters.length < MIN_FOR_TYPOS) return [word]
  return [...new Set([word, ...letters.map((_, i) => letters.toSpliced(i, 1).join(''))])]
}

/** How well a name matches a query: 0 when it has each word's beginning, 1 when some words only match with a typing error; undefined: no match. */
export function distance(query: string, name: string): number | undefined {
  const words = wordsOf(name)
  let worst = 0
  for (const asked of askedIn(query)) {
    if (words.some((word) => word.startsWith(asked))) continue
    if (!words.some((word) => isOneErrorAway(asked, word))) return undefined
    worst = 1
  }
  return worst
}

/** One wrong, missing or extra letter, or two neighbours swapped (Damerau-Levenshtein), in words of four letters and more. */
function isOneErrorAway(a: string, b: string): boolean {
  if (isDense(a) || isDense(b)) return false
  const [x, y] = [Array.from(a), Array.from(b)]
  if (Math.min(x.length, y.length) < MIN_FOR_TYPOS - 1 || Math.max(x.length, y.length) < MIN_FOR_TYPOS) return false
  let i = 0
  while (i < x.length && x[i] === y[i]) i++
  const same = (from: number, to: number): boolean => x.slice(from).join('') === y.slice(to).join('')
  if (x[i] === y[i + 1] && x[i + 1] === y[i] && same(i + 2, i + 2)) return true
  return same(i + 1, i + 1) || same(i, i + 1) || same(i + 1, i)
}
