import { readConfig } from '../../shared/config.ts'
import { handlerSettings } from '../../shared/runtime/handler-settings.ts'
import { groupsIn, loadGroup } from '../../shared/runtime/scan.ts'
import type { CollectionSpec, Store } from '../../shared/store/documents.ts'

/** Every collection of the handlers in this folder, found by building what their files use. */
export async function collectionsOf(handlers: string): Promise<CollectionSpec[]> {
  const specs = new Map<string, CollectionSpec>()
  const listening: Store = {
    collection(spec) {
      specs.set(spec.name, spec)
      return NOTHING
    },
    ready: async () => {},
    close: async () => {},
  }
  const turn = { uris: [], ttl: 0, perHour: 0, password: async () => '' } // the collections do not depend on these values
  const settings = handlerSettings(readConfig({}), turn)
  for (const group of await groupsIn(handlers)) {
    for (const { uses } of (await loadGroup(handlers, group)).values()) {
      for (const build of Object.values(uses)) build(listening, settings)
    }
  }
  return [...specs.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

const refuse = async (): Promise<never> => {
  throw new Error('a capability must not use the store while it is built; use it in `prepare`')
}
const NOTHING = {
  get: refuse,
  getMany: refuse,
  insert: refuse,
  insertMany: refuse,
  change: refuse,
  remove: refuse,
  find: refuse,
  count: refuse,
  search: refuse,
}
