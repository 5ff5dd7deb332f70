/** The extension of our own modules: `.ts` as they are written, `.js` as `npm run build` compiles them. */
export const EXTENSION = new URL(import.meta.url).pathname.endsWith('.ts') ? '.ts' : '.js'

/** What Node needs before the name of one of our own modules to run it as a process. */
export function nodeArguments(): string[] {
  return EXTENSION === '.ts' ? ['--import', import.meta.resolve('tsx')] : ['--enable-source-maps']
}
