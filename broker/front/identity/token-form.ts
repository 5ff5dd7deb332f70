const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/

/** Has it the form of a JWT (RFC 7519)? What has not was meant for somebody else. */
export function isJwt(text: string | undefined): text is string {
  return text !== undefined && JWT.test(text)
}
