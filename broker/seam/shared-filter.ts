/** A shared subscription: each message goes to one member of the group [MQTT-4.8.2]. */
export interface SharedFilter {
  group: string
  filter: string
}

/** Reads `$share/<group>/<filter>`. */
export function sharedFilter(text: string): SharedFilter | undefined {
  const [, group, filter] = /^\$share\/([^/+#]+)\/(.+)$/s.exec(text) ?? []
  return group === undefined || filter === undefined ? undefined : { group, filter }
}

/** The filter of a subscription, shared or not. */
export function sharedOrOwn(text: string): string {
  return sharedFilter(text)?.filter ?? text
}
