import { expect, test } from '@jest/globals'
import { carriedToken } from './carried-token.ts'

const [A, B, C] = ['aa.aa.aa', 'bb.bb.bb', 'cc.cc.cc']

test.each([
  ['a cookie that is no JWT', { cookie: 'token=tracking-id; other=x' }, `/mqtt?access_token=${A}`, A],
  ['a cookie that is an old JWT', { cookie: `token=${B}` }, `/mqtt?token=${A}`, A],
  ['a bearer and a query', { authorization: `Bearer ${A}` }, `/mqtt?token=${B}`, A],
  ['a bearer that is no JWT', { authorization: 'Bearer opaque' }, `/mqtt?token=${B}`, B],
  ['another scheme', { authorization: `Basic ${A}`, cookie: `access_token=${B}` }, '/mqtt', B],
  ['a query parameter that is no JWT', { cookie: `token=${A}` }, '/mqtt?token=abc&access_token=', A],
  ['one name twice', { cookie: `token=stale; token=${A}` }, `/mqtt?token=x`, A],
  ['one parameter twice', {}, `/mqtt?token=x&token=${C}`, C],
  ['a cookie in quotes', { cookie: `a=b; access_token="${A}"` }, '/mqtt', A],
  ['nothing that is a JWT', { authorization: 'Bearer x', cookie: 'token=y' }, '/mqtt?token=z', undefined],
  ['nothing', {}, undefined, undefined],
])('of %s the first JWT counts: bearer, query, then cookies', (_, headers, url, token) => {
  expect(carriedToken({ headers, ...(url !== undefined && { url }) })).toBe(token)
})
