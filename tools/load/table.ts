import { compare, labelOf, type Run } from './figures.ts'

const [NAME, CELL] = [34, 14]
/** Percent of a core from which a process is taken to be the bottleneck. */
const FULL = 90

/** A line of a table: a name, and figures under their heads. */
export function row(name: string, cells: readonly (string | number)[], width = 11): string {
  const text = cells.map((cell) => (typeof cell === 'number' ? short(cell) : cell).padStart(width))
  return `${name.padEnd(14)}${text.join('')}\n`
}

/** A run as a table: a line for each figure, the medians of all rounds, and the ratio in each round: its median and its spread. */
export function table(run: Run): string {
  const rounds = run.rounds.length
  const heads = [...run.targets.map(({ name }) => name), ...(run.targets.length === 2 ? ['ratio', 'from', 'to'] : [])]
  const lines = compare(run).map(({ name, medians, ratio }) => {
    const cells = [...medians, ...(ratio ? [ratio.median, ratio.min, ratio.max] : [])]
    return row(labelOf(name, run.unit).padEnd(NAME), cells, CELL)
  })
  const versions = run.targets.map(({ name, version }) => `${name}: ${version}`).join('; ')
  const options = Object.entries(run.options).map(([name, value]) => `${name} ${value}`)
  const title = `\n${run.name} (${options.join(', ')}); ${versions}; medians of ${rounds} rounds\n`
  const { loadAverage, cores } = run.machine
  const isBusy = loadAverage > cores / 2
  const warning = `others kept the machine busy (load average ${short(loadAverage)} on ${cores} cores): even the ratios are rough\n`
  const medians = compare(run).find(({ name }) => name === 'generatorPercent')?.medians ?? []
  const limits = medians.some((percent) => percent > FULL)
    ? 'the generator had no time left: rates are lower bounds\n'
    : ''
  return [title, isBusy ? warning : '', limits, row(''.padEnd(NAME), heads, CELL), ...lines, ...top(run)].join('')
}

function top({ profile = [] }: Run): string[] {
  if (profile.length === 0) return []
  const lines = profile.map(({ name, share }) => `${(100 * share).toFixed(1).padStart(6)} %  ${name}\n`)
  return ['where the broker was, of the time in which it was not idle:\n', ...lines]
}

/** Three digits, or all that are before the point. */
function short(value: number): string {
  if (Number.isNaN(value)) return '–'
  const digits = value >= 100 || value === 0 ? 0 : value >= 10 ? 1 : 2
  return value.toFixed(digits).replace(/\B(?=(\d{3})+$)/g, digits === 0 ? ',' : '')
}
