import { compare, type Run } from './figures.ts'

// The recorded figures as one picture: how many times Mosquitto's CPU the broker takes for the same work.

const [WIDTH, LEFT, RIGHT, LINE, BAR, TOP, BOTTOM] = [820, 210, 250, 30, 14, 64, 44]
const STYLE = `
    text { font: 13px system-ui, sans-serif; fill: #24292f }
    .title { font-size: 16px; font-weight: 600 }
    .quiet { fill: #57606a; font-size: 12px }
    .one { fill: #57606a }
    .bar { fill: #0969da }
    .spread { stroke: #24292f; stroke-width: 1.5 }
    .axis { stroke: #d0d7de }
    .par { stroke: #1a7f37; stroke-width: 2; stroke-dasharray: 4 3 }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .quiet { fill: #9198a1 }
      .bar { fill: #4493f8 }
      .spread { stroke: #e6edf3 }
      .axis { stroke: #3d444d }
      .par { stroke: #3fb950 }
    }
`

interface Bar {
  name: string
  median: number
  min: number
  max: number
  told: string
}

/** A bar for each run that has Mosquitto beside it: the ratio's median, with its spread, and both figures in words. */
export function chart(runs: readonly Run[]): string {
  const bars = runs.flatMap(barOf)
  const height = TOP + bars.length * LINE + BOTTOM
  const most = Math.max(1, ...bars.map(({ max }) => max))
  const x = (ratio: number): number => round(LEFT + (ratio / most) * (WIDTH - LEFT - RIGHT))
  const lines = bars.map((bar, i) => {
    const y = TOP + i * LINE
    const middle = y + BAR / 2
    return [
      text(LEFT - 8, y + 12, bar.name, 'end'),
      `<rect class="bar" x="${LEFT}" y="${y}" width="${round(x(bar.median) - LEFT)}" height="${BAR}" rx="2"/>`,
      `<line class="spread" x1="${x(bar.min)}" x2="${x(bar.max)}" y1="${middle}" y2="${middle}"/>`,
      text(WIDTH - RIGHT + 12, y + 12, bar.told, 'start', 'quiet'),
    ].join('\n  ')
  })
  const end = TOP + bars.length * LINE
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img">
  <title>Broker CPU, as a multiple of Mosquitto's for the same work</title>
  <style>${STYLE}  </style>
  ${text(16, 26, "Broker CPU, as a multiple of Mosquitto's for the same work", 'start', 'title')}
  ${text(16, 46, 'Median of the rounds, with their spread; shorter is better. Mosquitto stores nothing.', 'start', 'quiet')}
  <line class="axis" x1="${LEFT}" x2="${LEFT}" y1="${TOP - 6}" y2="${end}"/>
  ${lines.join('\n  ')}
  <line class="par" x1="${x(1)}" x2="${x(1)}" y1="${TOP - 6}" y2="${end}"/>
  ${text(x(1), end + 16, '1 x', 'middle', 'quiet')}
  ${text(16, end + 34, footOf(runs), 'start', 'quiet')}
</svg>
`
}

function barOf(run: Run): Bar[] {
  const { medians = [], ratio } = compare(run).find(({ name }) => name === 'brokerMicros') ?? {}
  if (!ratio || run.targets[1]?.name !== 'mosquitto') return []
  const told = `${ratio.median.toFixed(1)} x: ${medians.map((one) => one.toFixed(0)).join(' and ')} µs per ${run.unit}`
  const [, major = ''] = /v(\d+)/.exec(run.targets[0]!.version) ?? []
  return [{ name: `${run.name}, Node ${major}`, ...ratio, told }]
}

function footOf(runs: readonly Run[]): string {
  const last = runs.toSorted((a, b) => a.at.localeCompare(b.at)).at(-1)
  if (!last) return ''
  const versions = [...new Set(runs.flatMap(({ targets }) => targets.map(({ version }) => version)))]
  return `${last.at.slice(0, 10)}; ${last.machine.cores} cores; ${versions.join(', ')}`
}

function text(x: number, y: number, value: string, anchor: string, kind = ''): string {
  const escaped = value.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return `<text${kind && ` class="${kind}"`} x="${x}" y="${y}" text-anchor="${anchor}">${escaped}</text>`
}

const round = (value: number): number => Math.round(value * 10) / 10
