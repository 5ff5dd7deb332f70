const FIRST = 9229
const USAGE = `usage: npm run dev [-- --inspect[=${FIRST}]]
  --inspect  opens every process to debuggers: the broker at port ${FIRST}, each group at the next odd one. 0: at any free port`

/**
 * Gives each part of the platform a debugger's port of its own. A new process starts before the old one ends, so every other
 * process of a part has the port above.
 * @throws {Error} when the arguments are wrong
 */
export function inspectPorts(args: readonly string[]): (part: string) => (() => string[]) | undefined {
  const [, given = String(FIRST)] = /^--inspect(?:=(\d{1,5}))?$/.exec(args[0] ?? '--inspect') ?? ['', '']
  const first = Number(given)
  if (given === '' || args.length > 1 || first > 65_000) throw new Error(USAGE)
  if (args.length === 0) return () => undefined
  let parts = 0
  return (part) => {
    const port = first === 0 ? 0 : first + 2 * parts++
    let processes = 0
    return () => {
      const own = port === 0 ? 0 : port + (processes++ % 2)
      if (own > 0) process.stdout.write(`debug ${part} at 127.0.0.1:${own}\n`)
      return [`--inspect=127.0.0.1:${own}`]
    }
  }
}
