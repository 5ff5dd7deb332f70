/** Drawings on a field of 24 × 24, with strokes. */
const PATHS = {
  chats: 'M4 5h16v11H10l-4 4v-4H4z',
  people:
    'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20c0-3.6 2.9-6 6.5-6s6.5 2.4 6.5 6M16 4.3a3.5 3.5 0 0 1 0 6.4M18 14.4c2.1.8 3.5 2.8 3.5 5.6',
  phone: 'M5 3h4l2 5-2.5 1.5a12 12 0 0 0 6 6L16 13l5 2v4a2 2 0 0 1-2.2 2A16.5 16.5 0 0 1 3 5.200A2 2 0 0 1 5 3z',
  'hang-up': 'M3 14.500c0-6 18-6 18 0v1.500l-5 1v-3.500a14 14 0 0 0-8 0V17l-5-1z',
  video: 'M3 6h12v12H3zM15 10.500l6-3.500v10l-6-3.500',
  'video-off': 'M3 6h8m4 4v8H3V6M15 10.500l6-3.500v10l-3-1.800M2 2l20 20',
  mic: 'M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3zM5 11a7 7 0 0 0 14 0M12 18v3',
  'mic-off':
    'M15 10V6a3 3 0 0 0-6-.500M9 9v2a3 3 0 0 0 4.500 2.600M5 11a7 7 0 0 0 11 5.700M19 11c0 1-.2 2-.6 2.800M12 18v3M2 2l20 20',
  screen: 'M3 5h18v11H3zM8 20h8M12 8v5M9.500 10.500 12 8l2.500 2.500',
  settings: 'M4 7h9M17 7h3M4 17h3M11 17h9M15 4.500v5M9 14.500v5',
  back: 'M15 5l-7 7 7 7',
  search: 'M10.500 17a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13zM15.500 15.500 21 21',
  plus: 'M12 5v14M5 12h14',
  close: 'M6 6l12 12M18 6 6 18',
  send: 'M4 12 20 4l-4 16-4-7zM12 13l8-9',
  edit: 'M4 20l1-4L16 5l3 3L8 19zM14 7l3 3',
  delete: 'M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13',
  check: 'M5 12.500 10 17.500 19 7',
  checks: 'M2 12.500 7 17.500 15 8M12 16.500l1 1L22 8',
  clock: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3.500 2',
  warning: 'M12 4 2.500 20h19zM12 10v4M12 17v.1',
  info: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5M12 8v.1',
  block: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM5.600 5.600l12.800 12.800',
  feed: 'M3 12h4l3-7 4 14 3-7h4',
  file: 'M6 3h8l4 4v14H6zM14 3v4h4',
  link: 'M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1',
  leave: 'M14 4h5v16h-5M3 12h11M10 8l4 4-4 4',
  bell: 'M6 16V11a6 6 0 0 1 12 0v5l2 2H4zM10 21h4',
  'arrow-in': 'M17 7 7 17M7 9v8h8',
  'arrow-out': 'M7 17 17 7M9 7h8v8',
  spinner: 'M12 3a9 9 0 1 1-9 9',
} as const

export type IconName = keyof typeof PATHS

/** A drawing; what it means must be said beside it. */
export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
  return (
    <svg
      class={`icon icon-${name}`}
      width={size}
      height={size}
      viewBox="0 0 24 24"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  )
}
