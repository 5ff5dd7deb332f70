import { Gauge, type Registry } from 'prom-client'
import { ageOf, type Group } from './group.ts'

/** Groups that the metrics name, at most: a process with the shared handler key may name any group. */
const MAX_GROUPS = 200

/** Registers gauges for each group that is declared, has a process, or has commands. */
export function gaugeGroups(
  registry: Registry,
  groups: ReadonlyMap<string, Group>,
  isDeclared: (group: string) => boolean,
): void {
  const gauges: [string, string, (group: Group) => number][] = [
    ['group_processes', 'Processes of a group that are connected', (group) => group.members],
    ['group_commands', 'Commands of a group that are accepted and not ended', (group) => group.size],
    ['group_commands_held', 'Commands of a group that its processes hold now', (group) => group.inHand],
    [
      'group_oldest_command_seconds',
      'Age of the oldest command of a group that has not ended; 0 without any',
      ({ oldest }) => ageOf(oldest),
    ],
  ]
  for (const [name, help, valueOf] of gauges) {
    const gauge = new Gauge({
      name,
      help,
      labelNames: ['group'],
      registers: [],
      collect() {
        this.reset()
        const named = [...groups].filter(([name, { members, size }]) => isDeclared(name) || members > 0 || size > 0)
        for (const [name, group] of named.slice(0, MAX_GROUPS)) this.set({ group: name }, valueOf(group))
      },
    })
    registry.registerMetric(gauge)
  }
}
