import { build, isBuilt } from './compile.mjs'

/** Jest's global setup: tests that start what production runs find it built. Handlers' tests start none, and are run at every save. */
export default async function beforeTests({ testPathPatterns: { patterns } }) {
  const isHandlersOnly = patterns.length > 0 && patterns.every((pattern) => pattern.startsWith('handlers/'))
  if (isHandlersOnly) return
  if (!isBuilt()) await build()
  process.env.DIST_IS_BUILT = '1' // the workers inherit it
}
