import { z } from 'zod'
import { isUserId, type UserId } from '../../shared/wire/user-id.ts'

/**
 * Which part of a list: at most `limit` users, behind the one that `cursor` names. So nobody is skipped or doubled while
 * others come and go, and the cursor of a user who is gone still holds.
 */
export const listPage = z.object({ cursor: cursor().optional(), limit: z.int().min(1).max(100).default(50) })
export type ListPage = z.output<typeof listPage>

export const FIRST_PAGE = listPage.parse({})

/** A place in a list, for the next page's `cursor`. Opaque to clients. */
export function cursor() {
  return z.custom<UserId>(isUserId, 'is no cursor').meta({ type: 'string', description: 'where the next page begins' })
}
