import { useEffect, useState } from 'preact/hooks'
import { Rejected } from '../../../client/index.ts'
import { board, me } from '../../state/board.ts'
import { contacts, learnProfile, nameOf } from '../../state/people.ts'
import { inWords } from '../../state/words.ts'
import { Loading } from '../parts.tsx'
import { PersonRow } from './person-row.tsx'

/** Milliseconds without a keystroke after which the search begins. */
const PAUSE = 250
const USER_ID = /^(?:[A-Za-z0-9\-.~:|@]|%[0-9A-F]{2}){1,512}$/

/** People by the beginning of their names; and whoever has the ID that was typed, if there is such a user: that is told to nobody. */
export function FindPeople({ query }: { query: string }) {
  const [found, setFound] = useState<string[] | string>()
  useEffect(() => {
    let isStale = false
    const timer = setTimeout(() => {
      search(query).then(
        (users) => !isStale && setFound(users),
        (err: unknown) => !isStale && setFound(inWords(err) ?? ''),
      )
    }, PAUSE)
    return () => {
      isStale = true
      clearTimeout(timer)
    }
  }, [query])
  if (typeof found === 'string') return <p class="hint">{found}</p>
  const known = [...contacts.value.keys()].filter((user) => nameOf(user).toLowerCase().startsWith(query.toLowerCase()))
  const users = [...new Set([...known, ...(found ?? [])])].filter((user) => user !== me.value && user !== query)
  const isId = USER_ID.test(query) && query !== me.value
  return (
    <>
      <ul class="rows" aria-label="People found">
        {users.map((user) => (
          <PersonRow key={user} user={user} detail={user} />
        ))}
        {isId && <PersonRow key={query} user={query} detail={`The person with the ID ${query}`} />}
      </ul>
      {found === undefined && <Loading what="people" />}
      {found !== undefined && users.length === 0 && !isId && <p class="hint">Nobody found.</p>}
    </>
  )
}

async function search(query: string): Promise<string[]> {
  try {
    const { profiles } = await board().call('search_profiles', { q: query, limit: 30 })
    for (const { user_id, fields } of profiles) learnProfile(user_id, fields)
    return profiles.map(({ user_id }) => user_id)
  } catch (err) {
    if (err instanceof Rejected && err.code === 'bad_payload') return [] // no letters yet
    throw err
  }
}
