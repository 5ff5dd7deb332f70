/** The first items of a set, as many as there are up to `most`. */
export function firstOf<Item>(set: ReadonlySet<Item>, most: number): Item[] {
  if (set.size <= most) return [...set]
  const first: Item[] = []
  for (const item of set) {
    if (first.length === most) break
    first.push(item)
  }
  return first
}
