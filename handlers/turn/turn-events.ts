import { z } from 'zod'
import { event } from '../../shared/runtime/command.ts'

/** `ice_servers` can be passed unchanged to `new RTCPeerConnection({ iceServers })`. */
export const turn_credentials = event('turn_credentials', {
  username: z.string(),
  password: z.string(),
  ttl: z.int().meta({ description: 'seconds from now in which these credentials can allocate a relay' }),
  uris: z.array(z.string()),
  ice_servers: z.array(
    z.strictObject({
      urls: z.array(z.string()),
      username: z.string().optional(),
      credential: z.string().optional(),
    }),
  ),
})
