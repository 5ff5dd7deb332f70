import { build, isBuilt } from './compile.mjs'

/** Jest's global setup: tests that start what production runs find it built. */
export default async function beforeTests() {
  if (!isBuilt()) await build()
}
