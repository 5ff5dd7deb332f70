import { nameOf } from '../../state/people.ts'
import { Avatar } from '../parts.tsx'

/** Chooses some of these users. */
export function PickPeople({
  legend,
  among,
  picked,
  most,
  onPick,
}: {
  legend: string
  among: readonly string[]
  picked: ReadonlySet<string>
  most: number
  onPick: (picked: ReadonlySet<string>) => void
}) {
  const toggle = (user: string): void => {
    const next = new Set(picked)
    if (!next.delete(user)) next.add(user)
    onPick(next)
  }
  return (
    <fieldset class="pick">
      <legend>{legend}</legend>
      {among.length === 0 && <p class="hint">There is nobody to choose. People must be your contacts first.</p>}
      {among
        .toSorted((a, b) => nameOf(a).localeCompare(nameOf(b)))
        .map((user) => (
          <label key={user} class="row">
            <Avatar user={user} size="s" shows />
            <span class="row-text">{nameOf(user)}</span>
            <input
              type="checkbox"
              checked={picked.has(user)}
              disabled={!picked.has(user) && picked.size >= most}
              onChange={() => toggle(user)}
            />
          </label>
        ))}
    </fieldset>
  )
}
