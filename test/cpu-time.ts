/** Milliseconds of processor time that this process has used. What others do on the machine meanwhile does not count. */
export function cpuTime(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}
