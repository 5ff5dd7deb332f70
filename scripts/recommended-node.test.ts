import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { ROOT } from '../test/process.ts'
import { nodeAdvice, RECOMMENDED_NODE } from './recommended-node.ts'

test('advises only with a Node older than the recommended one', () => {
  expect(nodeAdvice('20.19.6')).toMatch(/^20\.19\.6; Node \d+ handles about 1\.5 times as many commands a second$/)
  for (const version of [RECOMMENDED_NODE, '99.0.0']) expect(nodeAdvice(version)).toBeUndefined()
})

test('the image is built on the recommended Node, and the README names it', () => {
  const text = (file: string): string => readFileSync(`${ROOT}${file}`, 'utf8')
  expect(text('deploy/Dockerfile')).toMatch(`FROM node:${RECOMMENDED_NODE}-`)
  expect(text('README.md')).toMatch(`Node ${RECOMMENDED_NODE.split('.')[0]}`)
})
