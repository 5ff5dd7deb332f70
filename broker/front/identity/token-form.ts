const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/

/** Does the text have the form of a JWT (RFC 7519)? If not, it was meant for something else. */
export function isJwt(text: string | undefined): text is string {
  return text !== undefined && JWT.test(text)
}
