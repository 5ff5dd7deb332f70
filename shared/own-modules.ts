/** The extension of our own modules: `.ts` in the sources, `.js` in what `npm run build` compiles. */
export const EXTENSION = new URL(import.meta.url).pathname.endsWith('.ts') ? '.ts' : '.js'

/** Node's arguments before one of our own modules, to run it as a process. */
export function nodeArguments(): string[] {
  return EXTENSION === '.ts' ? ['--import', import.meta.resolve('tsx')] : ['--enable-source-maps']
}
