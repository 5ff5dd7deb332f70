/** Width and height of the field in which a plot is drawn. */
const [WIDTH, HEIGHT] = [320, 72]

/** A line over time. What it shows last is in words beside it, so the drawing is decoration. */
export function Plot({ title, now, values }: { title: string; now: string; values: readonly (number | undefined)[] }) {
  const most = Math.max(1e-9, ...values.map((value) => value ?? 0))
  const step = WIDTH / Math.max(1, values.length - 1)
  const points = values.flatMap((value, i) =>
    value === undefined ? [] : [`${(i * step).toFixed(1)},${(HEIGHT - 2 - (value / most) * (HEIGHT - 6)).toFixed(1)}`],
  )
  return (
    <figure class="card plot">
      <figcaption>
        <span>{title}</span> <strong>{now}</strong>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        {points.length > 1 && (
          <>
            <polygon points={`0,${HEIGHT} ${points.join(' ')} ${WIDTH},${HEIGHT}`} />
            <polyline points={points.join(' ')} />
          </>
        )}
      </svg>
      <small>{points.length > 1 ? 'up to an hour' : 'the first samples are being taken'}</small>
    </figure>
  )
}
