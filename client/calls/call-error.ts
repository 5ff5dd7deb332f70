// Why a call cannot begin, or why it is over: codes, and the words for people.

const WORDS = {
  ended: 'the call is over',
  declined: 'they declined the call',
  busy: 'they are in another call',
  cancelled: 'the caller hung up before anybody answered',
  missed: 'nobody answered',
  offline: 'they are away: none of their devices is connected',
  forbidden: 'you cannot call them: they are not a contact of yours',
  answered_elsewhere: 'the call was answered on another device',
  joined_elsewhere: 'you joined the conference on another device',
  left: 'you left the conference',
  lost: 'the connection to the other side was lost and did not come back',
  aborted: 'the call was given up before it began',
  conflict: 'the call cannot be answered or made now: it is over, or another one with the same person is under way',
  no_permission:
    'access to the camera or the microphone was refused: allow it in the settings of the browser or the phone',
  no_device: 'there is no camera or microphone that fits',
  device_busy: 'the camera or the microphone is in use by another program',
  unsupported: 'this environment has no WebRTC, or the page is not served over https',
  failed: 'the call could not be set up',
} as const

export type CallCode = keyof typeof WORDS

/** Why a call is over. */
export interface End {
  readonly code: CallCode
  /** For people. */
  readonly message: string
}

export class CallError extends Error {
  override readonly name = 'CallError'
  readonly code: CallCode

  constructor(code: CallCode, message: string = WORDS[code], cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }

  get end(): End {
    return { code: this.code, message: this.message }
  }
}

export function endOf(code: CallCode): End {
  return { code, message: WORDS[code] }
}

/** An error of the board or the browser as a call's error. */
export function callError(err: unknown): CallError {
  if (err instanceof CallError) return err
  const [code, name] = err instanceof Object ? ['code' in err && err.code, 'name' in err && err.name] : []
  if (name === 'AbortError') return new CallError('aborted', undefined, err)
  if (typeof code === 'string' && code in WORDS) return new CallError(code as CallCode, undefined, err)
  const said = err instanceof Error ? err.message : String(err)
  return new CallError('failed', `${WORDS.failed}: ${said}`, err)
}
