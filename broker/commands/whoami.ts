import type { Cause, Events } from '../events.ts'
import type { DeviceSession } from '../session.ts'

/** Tells a client who it is: the user id of its topics, its client id, and when its session ends. */
export async function whoami(session: DeviceSession, cause: Cause, events: Events): Promise<void> {
  const fields = {
    user_id: session.user,
    client_id: session.client,
    expires_at: new Date(session.expiresAt).toISOString(),
  }
  await events.tell({ to: session.user, event: 'session_info', fields }, cause)
}
