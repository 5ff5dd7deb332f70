import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { ROOT } from './process.ts'

export const CHART = join(ROOT, 'deploy/helm')

/** The files of values that the tests render, by name. */
export const VALUES: ReadonlyMap<string, string> = new Map(
  readdirSync(join(CHART, 'ci')).map((file) => [file.replace('-values.yaml', ''), join(CHART, 'ci', file)]),
)

const group = z.looseObject({ secretEnv: z.array(z.string()).default([]) })
const part = z.looseObject({ image: z.string() })
const values = z.looseObject({
  image: z.looseObject({ repository: z.string() }),
  broker: z.looseObject({
    secretEnv: z.array(z.string()),
    heapMb: z.number(),
    resources: z.object({ limits: z.object({ memory: z.string() }) }),
  }),
  handlers: z.looseObject({ secretEnv: z.array(z.string()), groups: z.record(z.string(), group) }),
  mongodb: part,
  coturn: part,
  keycloak: part,
})

/** The chart's values.yaml. */
export const chartDefaults = values.parse(parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')))

/** The text of all templates. */
export const templatesText = readdirSync(join(CHART, 'templates'))
  .map((file) => readFileSync(join(CHART, 'templates', file), 'utf8'))
  .join('\n')
