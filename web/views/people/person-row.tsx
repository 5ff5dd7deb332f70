import { nameOf } from '../../state/people.ts'
import { hrefOf, open } from '../../state/route.ts'
import { Avatar } from '../parts.tsx'

export function PersonRow({ user, detail, shows = false }: { user: string; detail: string; shows?: boolean }) {
  const isOpen = open.value?.kind === 'profile' && open.value.id === user
  return (
    <li>
      <a class="row" href={hrefOf('people', 'profile', user)} aria-current={isOpen ? 'page' : undefined}>
        <Avatar user={user} shows={shows} />
        <span class="row-text">
          <strong>{nameOf(user)}</strong>
          <span class="row-detail">{detail}</span>
        </span>
      </a>
    </li>
  )
}
