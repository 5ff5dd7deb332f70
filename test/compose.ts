import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { z } from 'zod'

/** The text of docker-compose.yml. */
export const composeText = readFileSync(fileURLToPath(new URL('../docker-compose.yml', import.meta.url)), 'utf8')

const service = z.looseObject({
  command: z.array(z.string()).optional(),
  /** Null where the value comes from .env alone. */
  environment: z.record(z.string(), z.string().nullable()).default({}),
  secrets: z.array(z.string()).default([]),
  ports: z.array(z.string()).default([]),
  profiles: z.array(z.string()).default([]),
  image: z.string(),
  healthcheck: z.looseObject({ test: z.array(z.string()) }),
})
export type Service = z.output<typeof service>

/** The services of docker-compose.yml with their anchors resolved, by name. */
export const services: ReadonlyMap<string, Service> = new Map(
  Object.entries(
    z.looseObject({ services: z.record(z.string(), service) }).parse(parse(composeText, { merge: true })).services,
  ),
)
