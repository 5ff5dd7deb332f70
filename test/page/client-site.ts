import { join } from 'node:path'
import { build } from 'esbuild'
import { ROOT } from '../process.ts'
import { serveSite, type Site } from '../browser.ts'

/** Serves an empty page with the client as the global `switchboard`. */
export async function openClientSite(): Promise<Site> {
  const { outputFiles } = await build({
    entryPoints: [join(ROOT, 'client/index.ts')],
    bundle: true,
    format: 'iife',
    globalName: 'switchboard',
    platform: 'browser',
    write: false,
  })
  return serveSite(({ url }, response) => {
    const isScript = url === '/client.js'
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
    response.end(isScript ? outputFiles[0]?.contents : '<!doctype html><script src="/client.js"></script>')
  })
}
