import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './process.ts'

// The fenced code blocks of the docs. Words after the language say what a block is; GitHub does not show them:
//
//   ```sh                     commands that must succeed
//   ```sh background=NAME     a command that keeps running; its output is called NAME
//   ```sh fails               commands, of which the last must fail
//   ```text output            the output of the last sh block: these lines in this order, `…` for anything
//   ```text output=NAME       the output of the background command
//   ```text drawing           a picture, or a formula
//   ```ts file=PATH           a file that is written to this path and type-checked; js, python likewise
//   ```json command=NAME      the payload of a command; event=NAME: of an event; setting=NAME: the value of a setting

export interface Block {
  page: string
  line: number
  language: string
  words: ReadonlyMap<string, string>
  text: string
}

/** Blocks that slow/parallel/docs-run.test.ts does not run, by their beginning, and why. Shell is at least parsed. */
export const NOT_RUN: readonly [page: string, start: string, why: string][] = [
  ['README.md', 'npm test', 'it is not run within tests'],
  ['CONTRIBUTING.md', 'npm run jest -- shared', 'npm test runs this file'],
  ['docs/handlers/first.md', 'npm run jest', 'docs/handlers/testing.md runs the same tests and more'],
  ['CONTRIBUTING.md', 'npm run dev -- --inspect', 'new-handler.test.ts starts the platform so'],
  ['CONTRIBUTING.md', 'node --inspect-brk', 'it waits for a debugger'],
  ['docs/operate/run.md', 'cp .env.example .env', 'it needs Docker; settings.test.ts checks docker-compose.yml'],
  ['docs/operate/run.md', 'docker compose exec', 'it needs Docker'],
  ['docs/operate/backup.md', 'docker compose exec', 'it needs Docker'],
  ['docs/operate/kubernetes.md', 'docker build', 'it needs Docker; image.test.ts builds the image'],
  ...['--create', '-f values.yaml --wait', '-f values.yaml --set'].map((rest): [string, string, string] => [
    'docs/operate/kubernetes.md',
    `helm upgrade --install chat deploy/helm --namespace chat ${rest}`,
    'it needs a cluster; chart.test.ts renders it',
  ]),
  ['docs/operate/kubernetes.md', 'kubectl', 'it needs a cluster'],
  ['docs/operate/run.md', '[Unit]', 'it needs systemd'],
  ['docs/operate/run.md', 'turnadmin', 'it needs a database of coturn; turn.test.ts runs turnadmin'],
  ['docs/app/other-languages.md', 'import CocoaMQTT', 'it needs Swift; the program in Python is the same and runs'],
  ['docs/app/other-languages.md', 'import com.hivemq', 'it needs Kotlin; the program in Python is the same and runs'],
  ['docs/app/other-languages.md', "import 'dart:async'", 'it needs Dart; the program in Python is the same and runs'],
  ['docs/app/quickstart.md', 'npx esbuild chat.ts', 'quickstart.test.ts builds the page and chats in a browser'],
  [
    'docs/operate/scaling.md',
    'npm run data -- export dump',
    'it needs MongoDB; data.test.ts moves data to it and back',
  ],
]

/** Why a block is not run; undefined when it is. */
export const reasonOf = ({ page, text }: Block): string | undefined =>
  NOT_RUN.find(([where, start]) => where === page && text.startsWith(start))?.[2]

/** Every page, in a newcomer's reading order. */
export const PAGES: readonly string[] = ['README.md', ...pagesOf('docs'), 'CONTRIBUTING.md']

function pagesOf(folder: string): string[] {
  const files = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
  const pages = files.filter((file) => file.endsWith('.md')).map((file) => `${folder}/${file.replaceAll('\\', '/')}`)
  const first = (page: string): string => page.replace(/(quickstart|first|run)\.md$/, '0')
  return pages.toSorted((a, b) => (first(a) < first(b) ? -1 : 1))
}

export const textOf = (page: string): string => readFileSync(join(ROOT, page), 'utf8')

export function blocksOf(page: string): Block[] {
  const blocks: Block[] = []
  let open: (Block & { indent: string; lines: string[] }) | undefined
  for (const [index, line] of textOf(page).split('\n').entries()) {
    const [, indent = '', info] = /^( *)```(.*)$/.exec(line) ?? []
    if (open && info === '') {
      blocks.push({ ...open, text: `${open.lines.join('\n')}\n` })
      open = undefined
    } else if (open) open.lines.push(line.startsWith(open.indent) ? line.slice(open.indent.length) : line)
    else if (info !== undefined) {
      const [language = '', ...words] = info.split(' ')
      const pairs = words.map((word): [string, string] => {
        const at = word.indexOf('=')
        return at < 0 ? [word, ''] : [word.slice(0, at), word.slice(at + 1)]
      })
      open = { page, line: index + 1, language, words: new Map(pairs), text: '', indent, lines: [] }
    }
  }
  if (open) throw new Error(`${page}:${open.line}: unclosed code block`)
  return blocks
}

/** The text of a page without its blocks. */
export const proseOf = (page: string): string => textOf(page).replaceAll(/^( *)```.*\n[^]*?^\1```$/gm, '')

export const placeOf = ({ page, line, language, words }: Block): string =>
  [
    `${page}:${line}`,
    language,
    ...Array.from(words, ([word, value]) => (value === '' ? word : `${word}=${value}`)),
  ].join(' ')
