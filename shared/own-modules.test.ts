import { expect, test } from '@jest/globals'

test("sources are known by their extension, in jest's watch mode too, where their URLs bear the number of the run", async () => {
  const again = './own-modules.ts?run=7' as string
  const { EXTENSION } = (await import(again)) as { EXTENSION: string }
  expect(EXTENSION).toBe('.ts')
})
