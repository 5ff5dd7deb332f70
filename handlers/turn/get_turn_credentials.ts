import { z } from 'zod'
import { command } from '../../shared/runtime/command.ts'
import { turnDesk } from './turn-desk.ts'
import { turn_credentials } from './turn-events.ts'

/** Issues a username and password for the TURN servers, valid for `ttl` seconds. `ice_servers` is what an RTCPeerConnection takes. */
export default command({
  input: z.object({ ttl: z.int().meta({ description: 'seconds; clamped to 60 to 86,400' }).optional() }),
  events: { turn_credentials },
  uses: { turn: turnDesk },
  replyTo: 'client',
  ordered: false,

  async run({ ttl }, { from, turn, command }) {
    return { reply: turn_credentials(await turn.credentials(from.user, ttl, command)) }
  },
})
