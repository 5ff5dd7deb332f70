import { USER_GROUPS, MEMBERSHIPS } from '../../../handlers/shared/user-groups.ts'
import { idFrom, MESSAGES } from '../../../handlers/shared/message-chain.ts'
import { PAIRS } from '../../../handlers/shared/contact-pairs.ts'
import { group, membership, message, messageId, pair } from './documents.ts'
import { answerOf, by, times, type Pile } from './pile.ts'

// The user groups of one user.

/** Messages of a user group, each with another author. */
const SAID = 200

export const GROUP_PILES: readonly Pile[] = [
  {
    what: 'groups',
    most: 900,
    async fill({ me, other, size, insert, play }) {
      const ids = times(size, (i) => idFrom(`${me} group ${i}`))
      await insert(
        USER_GROUPS,
        ids.map((id) => group(id, [me, other(0)])),
      )
      await insert(
        MEMBERSHIPS,
        ids.map((id) => membership(me, id)),
      )
      await insert(
        MESSAGES,
        ids.map((id) => message(other(0), { group: id }, 1)),
      )
      return {
        create_group: by(me, (i) => ({ title: `the ${i}th` })),
        get_group_list: by(me),
        get_group: by(me, (i) => ({ group_id: ids[i % size] })),
        'search_messages, a word of all': by(me, () => ({ q: 'snow' })),
        'search_messages, none': by(me, () => ({ q: 'nothing' })),
        send_message: by(me, (i) => ({ group_id: ids[0], body: `more ${i}` })),
        async leave_group(i) {
          const { group_id } = answerOf(await play(me, 'create_group', { title: `left, ${i}` }))
          return { user: me, input: { group_id } }
        },
      }
    },
  },
  {
    what: 'members of a group',
    most: 900,
    async fill({ me, other, stranger, size, insert }) {
      const id = idFrom(`${me} group`)
      const at = { group_id: id }
      const others = times(size, other)
      await insert(
        PAIRS,
        [...others, ...times(200, stranger)].map((one) => pair(me, 'contact', one)),
      )
      await insert(USER_GROUPS, [group(id, [me, ...others])])
      await insert(
        MEMBERSHIPS,
        [me, ...others].map((one) => membership(one, id)),
      )
      const author = (seq: number) => (seq % 2 ? me : others[seq % size]!)
      await insert(
        MESSAGES,
        times(SAID, (i) => message(author(i + 1), { group: id }, i + 1)),
      )
      const last100 = times(100, (i) => messageId(id, SAID - 2 * i))
      const own = (i: number) => ({ message_id: messageId(id, 2 * i + 1) })
      return {
        create_group: by(me, (i) => ({ title: `with as many, ${i}`, members: others })),
        add_member: by(me, (i) => ({ ...at, user_id: stranger(i) })),
        remove_member: (i) => {
          const first = [[me, 'add_member', { ...at, user_id: stranger(100 + i) }]] as const
          return { user: me, input: { ...at, user_id: stranger(100 + i) }, first }
        },
        set_member_role: by(me, (i) => ({ ...at, user_id: others[0], role: i % 2 ? 'member' : 'admin' })),
        change_group_title: by(me, (i) => ({ ...at, title: `the ${i}th` })),
        get_group: by(me, () => at),
        get_group_list: by(me),
        send_message: by(me, (i) => ({ ...at, body: `more ${i}` })),
        get_messages: by(me, () => at),
        search_messages: by(me, () => ({ q: 'snow' })),
        ack_message: by(me, (i) => ({ message_ids: last100.slice(i % 2) })),
        mark_read: by(me, (i) => ({ ...at, up_to: SAID / 2 + i })),
        typing: by(me, () => at),
        edit_message: by(me, (i) => ({ ...own(i), body: `other words ${i}` })),
        delete_message: by(me, (i) => own(i)),
        leave_group: (i) => {
          const one = stranger(150 + i)
          return { user: one, input: at, first: [[me, 'add_member', { ...at, user_id: one }]] }
        },
      }
    },
  },
]
