import type { Revocations } from '../../core/revocations.ts'
import type { VerifyToken } from '../../front/identity/token.ts'
import { maySend } from '../../seam/authority.ts'
import type { Token } from '../../seam/session.ts'
import { ApiError } from './route.ts'

export interface OperatorPorts {
  verify: VerifyToken
  revocations: Revocations
  /** The clock by which tokens expire. */
  clock: { now(): number }
}

export type Operators = ReturnType<typeof openOperators>

/** Decides who may use the API: bearer tokens whose `role` is `operator`. Cookies are never read, so no other page can act for one. */
export function openOperators({ verify, revocations, clock }: OperatorPorts) {
  return {
    /** @throws {ApiError} `unauthorized` or `forbidden` */
    async check(authorization = '', right: string): Promise<Token> {
      const token = await verified(authorization)
      if (!token.isOperator) throw new ApiError('forbidden', 'the token has not the role operator')
      if (!maySend({ token }, right)) throw new ApiError('forbidden', `the token’s acl does not name ${right}`)
      return token
    },
    /** False once a token that was checked has expired or was revoked, or its user banned. */
    isStill: (token: Token): boolean => token.expiresAt > clock.now() && !revocations.holds(token),
  }

  async function verified(authorization: string): Promise<Token> {
    try {
      const token = await verify(/^Bearer (\S+)$/i.exec(authorization)?.[1] ?? '')
      revocations.check(token)
      return token
    } catch {
      throw new ApiError('unauthorized', 'send the valid token of an operator (role: operator) as Bearer')
    }
  }
}
