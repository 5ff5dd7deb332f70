/** The value of a broker metric: `name`, or `name{label="value"}` with some of its labels; 0 while it is absent. */
export async function metric({ admin }: { admin: string }, name: string, label?: string): Promise<number> {
  const lines = (await (await fetch(`${admin}/metrics`)).text()).split('\n')
  const line = lines.find((one) =>
    label === undefined ? one.startsWith(`${name} `) : one.startsWith(`${name}{`) && one.includes(label),
  )
  return Number(line?.split(' ').at(-1) ?? 0)
}

/** Calls `end`, which ends a device's connection, and resolves once the broker has noticed. */
export async function devicesLeave(place: { admin: string }, end: () => unknown): Promise<void> {
  const connected = (): Promise<number> => metric(place, 'mqtt_connections', 'kind="device"')
  const before = await connected()
  await end()
  while ((await connected()) >= before) await new Promise((resolve) => setTimeout(resolve, 10))
}
