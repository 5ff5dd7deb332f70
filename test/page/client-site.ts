import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { build } from 'esbuild'
import { ROOT } from '../process.ts'
import type { Site } from '../browser.ts'

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
  const server = createServer(({ url }, response) => {
    const isScript = url === '/client.js'
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
    response.end(isScript ? outputFiles[0]?.contents : '<!doctype html><script src="/client.js"></script>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
