import { answer, decline, dismissInvitation, incoming, invitations, join } from '../../state/calls.ts'
import { nameOf } from '../../state/people.ts'
import { ActionButton, Avatar } from '../parts.tsx'

/** Who calls, and who invites to a conference: wherever one is on the page. */
export function Incoming() {
  return (
    <div class="incoming-all" role="region" aria-label="Incoming calls" aria-live="assertive">
      {incoming.value.map((call) => (
        <section key={call.id} class="incoming" aria-label={`${nameOf(call.user)} calls`}>
          <Avatar user={call.user} size="l" />
          <p class="row-text">
            <strong>{nameOf(call.user)}</strong>
            <span class="row-detail">is calling you</span>
          </p>
          <div class="buttons">
            <ActionButton look="accept" icon="phone" act={() => answer(call, false)}>
              Answer
            </ActionButton>
            <ActionButton look="accept" icon="video" act={() => answer(call, true)}>
              With video
            </ActionButton>
            <ActionButton look="danger" icon="hang-up" act={() => decline(call)}>
              Decline
            </ActionButton>
          </div>
        </section>
      ))}
      {invitations.value.map((invitation) => (
        <section
          key={invitation.conference_id}
          class="incoming"
          aria-label={`${nameOf(invitation.by)} invites you to a conference`}
        >
          <Avatar user={invitation.by} size="l" />
          <p class="row-text">
            <strong>{invitation.title ?? 'Conference'}</strong>
            <span class="row-detail">{nameOf(invitation.by)} invites you</span>
          </p>
          <div class="buttons">
            <ActionButton look="accept" icon="video" act={() => join(invitation)}>
              Join
            </ActionButton>
            <button type="button" class="button" onClick={() => dismissInvitation(invitation)}>
              Not now
            </button>
          </div>
        </section>
      ))}
    </div>
  )
}
