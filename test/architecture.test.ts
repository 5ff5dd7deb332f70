import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, normalize } from 'node:path'
import { expect, test } from '@jest/globals'
import { isCommand } from '../shared/runtime/command.ts'
import { isCommandName } from '../shared/wire/topic.ts'
import { ROOT, SOURCE_FOLDERS } from './process.ts'
import { partsOf } from './real-parts.ts'

// The rules of the code base that a machine can check.

const files = SOURCE_FOLDERS.flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.tsx?$/.test(file) && !file.startsWith('dist/'))
    .map((file) => `${folder}/${file}`),
)
const isTest = (file: string): boolean => /\.test\.ts$|^test\/|^shared\/store\/contract/.test(file)
const sources = files.filter((file) => !isTest(file))
const text = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

/** A file's imports: packages by name, our files by path, with the prefix `type ` for type-only imports. */
function importsOf(file: string): string[] {
  const code = text(file).replace(/^\s*(?:\/\/|\*|\/\*).*$/gm, '')
  const found = code.matchAll(/^(?:import|export)\s+(type\s)?(?:[\w\s{},*$]*?\sfrom\s+)?'([^']+)'/gm)
  const dynamic = code.matchAll(/\bimport\(\s*'([^']+)'/g)
  const name = (from: string): string => (from.startsWith('.') ? normalize(join(dirname(file), from)) : from)
  return [
    ...Array.from(found, ([, type = '', from]) => `${type && 'type '}${name(from!)}`),
    ...Array.from(dynamic, ([, from]) => name(from!)),
  ]
}

// Folder, which of our files it may import, which packages. The first row that matches a file applies.
// prettier-ignore
const RULES: [RegExp, RegExp, RegExp][] = [
  [/^shared\/wire\//,     /^shared\/wire\//,                                                        /^zod$|^node:(?:net|buffer)$/],
  [/^shared\/store\/mongo/, /^shared\/(?:store|wire)\/|^type shared\/log\.ts$/,                    /^mongodb$|^node:(?:crypto|timers\/promises)$/],
  [/^shared\/store\//,    /^shared\/(?:store|wire)\/|^type shared\/log\.ts$/,                    /^libsql$|^node:(?:crypto|fs|path|url)$/],

  [/^shared\/metrics\//,  /^shared\/metrics\/|^type shared\/store\/documents\.ts$|^shared\/wire\/refusal\.ts$|^shared\/[^/]+$/, /^(?:type )?prom-client$|^node:/],
  [/^shared\/runtime\//,  /^shared\/(?:runtime|wire)\/|^type shared\/store\/documents\.ts$|^shared\/[^/]+$/, /^(?:zod|pino)$|^node:/],
  [/^shared\/[^/]+$/,     /^shared\/[^/]+$/,                                                        /^(?:zod|pino|pino-pretty|selfsigned)$|^node:/],
  [/^broker\/storage\//,  /^broker\/storage\/|^shared\/[^/]+$|^shared\/wire\/refusal\.ts$/,          /^(?:lmdb|libsql)$|^node:/],
  [/^broker\/seam\//,     /^broker\/seam\/|^shared\/wire\/|^shared\/[^/]+$/, /^node:/],
  [/^broker\/metrics\//,  /^(?:broker|shared)\/metrics\/|^shared\/[^/]+$/,                                   /^prom-client$|^node:/],
  [/^broker\/front\/aedes\//, /^broker\/(?:front|seam)\/|^shared\/wire\/|^shared\/[^/]+$/, /^(?:aedes|mqtt-packet)$|^node:/],
  [/^broker\/front\//,    /^broker\/(?:front|seam)\/|^type broker\/metrics\/metrics\.ts$|^shared\/wire\/|^shared\/[^/]+$/, /^(?:jsonwebtoken|jwks-rsa|rate-limiter-flexible|ws|zod)$|^node:/],
  [/^broker\/core\//,     /^broker\/(?:core|seam|storage|metrics)\/|^shared\/wire\/|^shared\/[^/]+$/, /^(?:prom-client|qlobber|rate-limiter-flexible|zod)$|^node:/],
  [/^broker\//,           /^broker\/|^shared\/wire\/|^shared\/[^/]+$/,                              /^(?:type )?prom-client$|^zod$|^node:/],
  // What apps copy: it imports nothing of ours, and no package; only the files for Node import from Node.
  [/^client\/(?:node|socket\/tls|store\/file)\.ts$/, /^client\//,                                /^node:/],
  [/^client\//,           /^client\//,                                                            /(?!)/],
  [/^web\//,              /^(?:client|web)\//,                                                      /^preact(?:\/hooks)?$|^@preact\/signals$/],
  [/^handlers\/shared\//, /^shared\/runtime\/command\.ts$|^shared\/wire\/|^type shared\/store\/documents\.ts$|^handlers\/shared\//, /^zod$|^node:crypto$/],
  [/^handlers\/[^/]+\//,  /^shared\/runtime\/command\.ts$|^shared\/wire\/|^type shared\/store\/documents\.ts$|^handlers\//, /^zod$|^node:crypto$/],
  [/^handlers\/[^/]+$/,   /^shared\/|^handlers\/[^/]+$/,                                          /^node:/],
  // What `scripts/new/` writes imports the test stage; the rule cannot tell a template from an import.
  [/^scripts\/(?:test-mongo|real-parts|new\/[^/]+)\.ts$/, /^(?:shared|scripts|test)\//,                      /./],
  [/^scripts\//,          /^(?:shared|broker|handlers|scripts)\//,                                  /./],
  [/^tools\//,            /^(?:shared|broker|client|handlers|scripts|test|tools|web)\//,                   /./],
]

test('every file imports only what its folder may', () => {
  const wrong = sources.flatMap((file) => {
    const [, ours, packages] = RULES.find(([folder]) => folder.test(file)) ?? [undefined, /(?!)/, /(?!)/]
    return importsOf(file)
      .filter((from) => {
        const bare = from.replace(/^type /, '')
        if (!/^(?:broker|client|handlers|shared|scripts|test|tools|web)\//.test(bare)) return !packages.test(bare)
        return !(ours.test(bare) || ours.test(from))
      })
      .map((from) => `${file} imports ${from}`)
  })
  expect(sources.flatMap(importsOf).length).toBeGreaterThan(100) // proves that imports were found
  expect(wrong).toEqual([])
})

const withoutComments = (file: string): string => text(file).replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')

test('the seam holds no state, and its messages are data: no function, no promise', () => {
  const seam = sources.filter((file) => file.startsWith('broker/seam/'))
  const wrong = seam.flatMap((file) => {
    const code = withoutComments(file)
    const shapes = code.match(/\b(?:interface \w+[^{]*|type \w+ = )\{[\s\S]*?\n\}/g) ?? []
    return [
      ...(/\bclass (?!\w+ extends Error\b)|^(?:export )?(?:let|var)\b|^(?:export )?const .*\bnew Map\b/m.test(code)
        ? [`${file} has a state`]
        : []),
      ...shapes
        .filter((shape) => /=>|\w\??\(|\b(?:Promise|Map|Emitter)\b/.test(shape))
        .map((shape) => `${file}: ${shape}`),
      ...Array.from(code.matchAll(/^export type \w+ = .*(?:=>|\bPromise\b).*$/gm), ([type]) => `${file}: ${type}`),
    ]
  })
  for (const file of ['messages', 'from-front', 'from-core'].map((name) => `broker/seam/${name}.ts`)) {
    expect(seam).toContain(file)
    expect(withoutComments(file)).not.toMatch(/=>|\w\(|^import (?!type)|\bclass\b|\bfunction\b/m)
  }
  expect(wrong).toEqual([])
})

test('the halves of the broker exchange messages and nothing else', () => {
  const code = withoutComments('broker/broker.ts')
  const given = (opener: string): string => new RegExp(`${opener}\\(\\{[\\s\\S]*?\\n  \\}\\)`).exec(code)![0]
  expect(given('openEngine').match(/\bcore\b[\w.]*/g)).toEqual(['core.fromFront'])
  expect(given('openCore').match(/\b(?:engine|identity|verify|lingering|witness)\b[\w.]*/g)).toEqual([
    'identity.sources.clock',
    'engine.fromCore',
  ])
})

test('no handler group imports from another; all may import from handlers/shared', () => {
  const groupOf = (file: string): string | undefined => /^handlers\/([^/]+)\//.exec(file)?.[1]
  const wrong = files.filter((file) => {
    const group = groupOf(file)
    return importsOf(file).some(
      (from) =>
        from.startsWith('handlers/') && group !== undefined && groupOf(from) !== group && groupOf(from) !== 'shared',
    )
  })
  expect(wrong).toEqual([])
})

test('only front/aedes knows Aedes, and other code imports its engine alone', () => {
  const outside = sources.filter((file) => !file.startsWith('broker/front/aedes/'))
  expect(outside.filter((file) => importsOf(file).some((from) => /^(?:type )?(?:aedes|mqemitter)/.test(from)))).toEqual(
    [],
  )
  const inner = outside.flatMap(importsOf).filter((from) => from.includes('broker/front/aedes/'))
  expect(new Set(inner.map((from) => basename(from)))).toEqual(new Set(['engine.ts']))
})

test('one file reads the environment; scripts pass it on to the processes they start', () => {
  const readers = sources.filter((file) => /process\.env\b/.test(text(file).replace(/^\s*(?:\/\/|\*).*$/gm, '')))
  expect(readers.filter((file) => !/^(?:scripts|tools)\//.test(file))).toEqual(['shared/config.ts'])
})

test('every file of a group without a hyphen in its name is a command, whose topic is the file name', async () => {
  const commands = sources.filter((file) => /^handlers\/[^/]+\/[^/-]+$/.test(file))
  expect(commands.length).toBeGreaterThan(0)
  for (const file of commands) {
    const module = (await import(join(ROOT, file))) as { default?: unknown }
    expect([file, isCommand(module.default), isCommandName(basename(file, '.ts'))]).toEqual([file, true, true])
  }
})

test('a test file that starts a third-party program declares it with @needs, and is skipped where that is missing', () => {
  const starters = [
    ['test/coturn.ts', 'coturn'],
    ['test/browser.ts', 'Chromium'],
    ['test/image.ts', 'buildah'],
    ['test/mongo-server.ts', 'MongoDB'],
  ] as const
  const silent = files
    .filter((file) => file.endsWith('.test.ts') && file !== 'test/turn.test.ts') // one of its tests checks for MongoDB itself
    .flatMap((file) =>
      starters.filter(([from, part]) => importsOf(file).includes(from) && !partsOf(file).includes(part)),
    )
  expect(silent).toEqual([])
  expect(partsOf('test/turn.test.ts')).toEqual(['coturn'])
})

test('a command has its test beside it', () => {
  const tested = new Set(files.filter((file) => file.endsWith('.test.ts')))
  const commands = sources.filter((file) => /^handlers\/[^/]+\/[^/-]+$/.test(file))
  expect(commands.filter((file) => !tested.has(file.replace(/\.ts$/, '.test.ts')))).toEqual([])
})

test('a handler holds no topic, no JSON, no MQTT, no retry and catches nothing', () => {
  const commands = sources.filter((file) => /^handlers\/[^/]+\/[^/-]+$/.test(file))
  expect(commands.filter((file) => /\bJSON\.|\bcatch\b|\bsetTimeout\b|_events\b|process\./.test(text(file)))).toEqual(
    [],
  )
})

test('file names on the wire are snake_case, all others kebab-case, and none is a catch-all like utils', () => {
  const named = files.map((file) => [file, basename(file).replace(/(?:\.test|\.d)?\.tsx?$/, '')] as const)
  const onWire = (file: string, name: string): boolean => /^handlers\/[^/]+\//.test(file) && !name.includes('-')
  const wrong = named.filter(([file, name]) =>
    onWire(file, name) ? !isCommandName(name) : !/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(name),
  )
  expect(wrong).toEqual([])
  const drawers = /(?:^|-)(?:utils?|helpers?|common|types?|interfaces?|misc|manager|factory|base)$/
  expect(named.filter(([, name]) => drawers.test(name) && name !== 'client-types')).toEqual([])
})

test('npm run test:slow runs each slow test once', () => {
  const { scripts } = JSON.parse(text('package.json')) as { scripts: Record<string, string> }
  const runs = Array.from(scripts['test:slow']!.matchAll(/jest -- '?([^' ]+)/g), ([, pattern]) => new RegExp(pattern!))
  const slow = files.filter((file) => /^test\/slow\/.*\.test\.ts$/.test(file))
  expect(slow).toContain('test/slow/in-browser/calls.test.ts')
  expect(slow.filter((file) => runs.filter((run) => run.test(file)).length !== 1)).toEqual([])
})
