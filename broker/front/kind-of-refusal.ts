/** What a refused login or connection counts as, by the reason that the log tells. The first row that matches applies. */
// prettier-ignore
const KINDS: readonly (readonly [RegExp, string])[] = [
  [/^token: jwt expired /,                             'expired_token'],
  [/^token: revoked/,                                  'revoked_token'],
  [/^token: issuer .* has no key /,                    'issuer_key'],
  [/^token/,                                           'bad_token'],
  [/^the user is banned/,                              'banned'],
  [/^wrong handler key/,                               'handler_key'],
  [/from this address$/,                               'address'],
  [/too often|has just sent a flood|too many wrong guesses/, 'too_often'],
  [/^the user has too many|^the sessions that /,       'too_many_sessions'],
  [/^(?:username|password) /,                          'no_login'],
]

/** A label of the metrics, hence one of few. */
export function kindOfRefusal(reason: string): string {
  return KINDS.find(([pattern]) => pattern.test(reason))?.[1] ?? 'protocol'
}
