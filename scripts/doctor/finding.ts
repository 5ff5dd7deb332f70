/** What the doctor says of one thing. */
export interface Finding {
  readonly area: string
  readonly state: 'ok' | 'warning' | 'wrong'
  /** What is so. */
  readonly text: string
  /** What to do about it. */
  readonly todo?: string
}

/** The three words for one area. */
export const sayOf = (area: string) => ({
  ok: (text: string): Finding => ({ area, state: 'ok', text }),
  warning: (text: string, todo: string): Finding => ({ area, state: 'warning', text, todo }),
  wrong: (text: string, todo: string): Finding => ({ area, state: 'wrong', text, todo }),
})
