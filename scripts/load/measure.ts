import { readFileSync } from 'node:fs'
import { connect, type IClientOptions, type MqttClient } from 'mqtt'

/** Milliseconds. */
export interface Latencies {
  p50: number
  p95: number
  p99: number
}

export function latencies(measured: readonly number[]): Latencies {
  const sorted = measured.toSorted((a, b) => a - b)
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) }
}

/** CPU in percent of one core while `work` runs, and memory in MB after it. */
export async function watching<T>(pid: number, work: () => Promise<T>): Promise<T & { cpu: number; rss: number }> {
  const [before, began] = [cpuSeconds(pid), performance.now()]
  const figures = await work()
  const cpu = (100 * (cpuSeconds(pid) - before)) / ((performance.now() - began) / 1000)
  return {
    ...figures,
    cpu,
    rss: Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024,
  }
}

/** Linux counts a process' time in hundredths of a second. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** A device that is connected and hears a topic. */
export async function openDevice(url: string, login: IClientOptions, topic: string): Promise<MqttClient> {
  const client = connect(url, { reconnectPeriod: 0, ...login })
  await new Promise<void>((resolve, reject) => {
    client.once('connect', () => resolve())
    client.once('error', reject)
  })
  if ('setNoDelay' in client.stream) (client.stream as unknown as { setNoDelay(on: boolean): void }).setNoDelay(true)
  await client.subscribeAsync(topic, { qos: 1 })
  return client
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** A line of a table: a name, and figures under their heads. */
export function row(name: string, cells: readonly (string | number)[]): string {
  const text = cells.map((cell) => (typeof cell === 'number' ? cell.toFixed(cell < 100 ? 1 : 0) : cell).padStart(11))
  return `${name.padEnd(14)}${text.join('')}\n`
}
