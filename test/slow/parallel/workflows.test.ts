// @needs actionlint
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { RECOMMENDED_NODE } from '../../../scripts/recommended-node.ts'
import { ROOT } from '../../process.ts'
import { ACTIONLINT } from '../../real-parts.ts'

// The workflows of GitHub Actions. Nothing here can run them.

const FOLDER = join(ROOT, '.github/workflows')
const files = readdirSync(FOLDER).map((file) => join(FOLDER, file))
const text = (name: string): string => readFileSync(join(FOLDER, name), 'utf8')
const lint = (...args: string[]) =>
  spawnSync(ACTIONLINT, ['-no-color', '-shellcheck=', '-pyflakes=', ...args], { cwd: ROOT, encoding: 'utf8' })

test('actionlint finds nothing in the workflows, and something in a broken one', () => {
  const { status, stdout } = lint(...files)
  expect([status, stdout]).toEqual([0, ''])
  const dir = mkdtempSync(join(tmpdir(), 'workflows-'))
  try {
    const broken = join(dir, 'test.yml')
    writeFileSync(broken, text('test.yml').replace('matrix.node', 'matrix.nodes'))
    expect(lint(broken)).toMatchObject({ status: 1, stdout: expect.stringContaining('nodes') })
  } finally {
    rmSync(dir, { recursive: true })
  }
})

test('every action is pinned to one version, and every workflow may do only what it says', () => {
  const used = files.flatMap((file) => readFileSync(file, 'utf8').match(/uses: .*/g) ?? [])
  expect(used.length).toBeGreaterThan(5)
  for (const use of used) expect(use).toMatch(/^uses: [\w./-]+@v\d+\.\d+\.\d+$/)
  for (const file of files) expect(parse(readFileSync(file, 'utf8'))).toHaveProperty('permissions')
})

test('the tests run on the oldest Node and on the recommended one', () => {
  const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { engines: { node: string } }
  const { jobs } = parse(text('test.yml')) as { jobs: { test: { strategy: { matrix: { node: string[] } } } } }
  const { node } = jobs.test.strategy.matrix
  expect(node[0]).toBe(/[\d.]+/.exec(engines.node)![0])
  expect(node.at(-1)).toBe(RECOMMENDED_NODE.split('.')[0])
})

test('a change of the chart, or of a file that it links to, starts a deployment', () => {
  const { on } = parse(text('deploy.yml')) as {
    on: { push: { paths: string[] }; workflow_run: { workflows: string[] } }
  }
  expect(on.push.paths).toEqual(
    expect.arrayContaining(['deploy/helm/**', 'deploy/coturn.*', 'deploy/mongodb.sh', 'deploy/keycloak/**']),
  )
  expect(on.workflow_run.workflows).toEqual([(parse(text('release.yml')) as { name: string }).name])
})

test('a release writes its image into values.yaml, which has one line for each part of it', () => {
  const lines = Array.from(text('release.yml').matchAll(/s\|\^(.*?)\$\|/g), ([, line]) => line!)
  expect(lines).toHaveLength(2)
  const values = readFileSync(join(ROOT, 'deploy/helm/values.yaml'), 'utf8').split('\n')
  for (const line of lines) expect(values.filter((one) => one === line)).toEqual([line])
})
