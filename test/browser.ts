import { existsSync, readFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'
import { chromium, type Browser } from 'playwright-core'
import type { Closable } from '../shared/shutdown.ts'
import { ROOT } from './process.ts'

// A real browser, and the pages it opens. Debian: apt-get install chromium

const PAGE = fileURLToPath(new URL('./page', import.meta.url))

/** Starts a Chromium with a simulated camera and microphone, which can reach no other host. */
export async function openBrowser(): Promise<Browser> {
  const paths = (process.env['PATH'] ?? '').split(delimiter).map((dir) => join(dir, 'chromium'))
  const executablePath = paths.find((path) => existsSync(path))
  if (executablePath === undefined) {
    throw new Error('chromium is missing: the tests need it (Debian: apt-get install chromium)')
  }
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox', // required as root
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
      '--allow-loopback-in-peer-connection',
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    ],
  })
}

export interface Site extends Closable {
  /** Such as `http://127.0.0.1:40001`: browsers allow pages from this machine to use a camera. */
  readonly origin: string
}

/** Serves a page with mqtt.js and a script of `test/page/`. */
export async function openSite(script: string): Promise<Site> {
  const page = `<!doctype html><script src="/mqtt.js"></script><script type="module" src="/${script}"></script>`
  const scriptOf = (path: string): string | undefined => {
    if (path === '/mqtt.js') return readFileSync(join(ROOT, 'node_modules/mqtt/dist/mqtt.min.js'), 'utf8')
    if (!/^\/[a-z-]+\.ts$/.test(path)) return undefined
    return buildSync({ entryPoints: [PAGE + path], bundle: true, format: 'esm', write: false }).outputFiles[0]!.text
  }
  return serveSite(({ url = '' }, response) => {
    const script = scriptOf(url)
    response.setHeader('content-type', script === undefined ? 'text/html' : 'text/javascript')
    response.end(script ?? page)
  })
}

/** Serves what this listener answers. */
export async function serveSite(answers: RequestListener): Promise<Site> {
  const server = createServer(answers)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
