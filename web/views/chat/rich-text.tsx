import type { ComponentChildren } from 'preact'

const LINK = /\bhttps?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)\]}]/g
const MEDIA: [RegExp, 'image' | 'video' | 'audio'][] = [
  [/\.(?:png|jpe?g|gif|webp|avif)$/i, 'image'],
  [/\.(?:mp4|webm|mov)$/i, 'video'],
  [/\.(?:mp3|ogg|opus|m4a|wav)$/i, 'audio'],
]

/** A text with its links. */
export function RichText({ text }: { text: string }) {
  const parts: ComponentChildren[] = []
  let at = 0
  for (const { 0: link, index } of text.matchAll(LINK)) {
    parts.push(text.slice(at, index), <Outward key={index} href={link} />)
    at = index + link.length
  }
  return (
    <>
      {parts}
      {text.slice(at)}
    </>
  )
}

function Outward({ href }: { href: string }) {
  return (
    <a href={href} target="_blank" rel="noopener noreferrer">
      {href}
    </a>
  )
}

/**
 * Pictures, sound and films to which a text links, when they are at this page's own address: from elsewhere the page loads nothing, so
 * that nobody learns who reads a message, and when.
 */
export function LinkedMedia({ text }: { text: string }) {
  const links = [...new Set(Array.from(text.matchAll(LINK), ([link]) => link))].filter(isOwn).slice(0, 4)
  return (
    <>
      {links.map((link) => (
        <OneMedium key={link} link={link} />
      ))}
    </>
  )
}

function isOwn(link: string): boolean {
  return URL.canParse(link) && new URL(link).origin === location.origin
}

function OneMedium({ link }: { link: string }) {
  const { pathname } = new URL(link)
  const kind = MEDIA.find(([ending]) => ending.test(pathname))?.[1]
  const name = pathname.slice(pathname.lastIndexOf('/') + 1)
  if (kind === 'image') return <img class="medium" src={link} alt={name} loading="lazy" />
  if (kind === 'video') return <video class="medium" src={link} controls preload="metadata" aria-label={name} />
  return kind === 'audio' ? <audio class="medium" src={link} controls preload="metadata" aria-label={name} /> : null
}
