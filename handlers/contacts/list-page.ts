import { z } from 'zod'
import { isUserId, type UserId } from '../../shared/wire/user-id.ts'

/**
 * A page of a list: at most `limit` users after the one that `cursor` names. The cursor is a user id and not an offset, so
 * nobody is skipped or listed twice when the list changes between pages, and it stays valid when that user leaves the list.
 */
export const listPage = z.object({ cursor: cursor().optional(), limit: z.int().min(1).max(100).default(50) })
export type ListPage = z.output<typeof listPage>

export const FIRST_PAGE = listPage.parse({})

/** Where the next page begins. Opaque to clients. */
export function cursor() {
  return z
    .custom<UserId>(isUserId, 'is not a valid cursor')
    .meta({ type: 'string', description: 'where the next page begins' })
}
