import { z } from 'zod'
import { command } from '../../shared/runtime/command.ts'
import { turnDesk } from './turn-desk.ts'
import { turn_credentials } from './turn-events.ts'

/** A name and a password for the TURN servers, good for `ttl` seconds; `ice_servers` is what an RTCPeerConnection takes. */
export default command({
  input: z.object({ ttl: z.int().meta({ description: 'seconds; brought within 60 and 86,400' }).optional() }),
  events: { turn_credentials },
  uses: { turn: turnDesk },
  replyTo: 'client',
  ordered: false,

  async run({ ttl }, { from, turn, command }) {
    return { reply: turn_credentials(await turn.credentials(from.user, ttl, command)) }
  },
})
