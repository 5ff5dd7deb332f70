import { z } from 'zod'
import { event } from '../../shared/runtime/command.ts'

/** `ice_servers` goes into `new RTCPeerConnection({ iceServers })` as it is. */
export const turn_credentials = event('turn_credentials', {
  username: z.string(),
  password: z.string(),
  ttl: z.int().meta({ description: 'seconds from now on in which a relay can be allocated with them' }),
  uris: z.array(z.string()),
  ice_servers: z.array(
    z.strictObject({
      urls: z.array(z.string()),
      username: z.string().optional(),
      credential: z.string().optional(),
    }),
  ),
})
