import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { groupsIn } from '../shared/runtime/scan.ts'

/** The types of every group's commands, for `stage()` in handlers' tests, made from their file names. */
export async function declaredTypes(handlers: string): Promise<string> {
  const groups = await groupsIn(handlers)
  return [
    '// Made by `npm run docs` from the files of handlers/; a test fails when it is out of date.',
    '',
    '/** Every handler group, and the declarations of its commands. */',
    'export interface Groups {',
    ...groups.flatMap((group) => [
      `  ${keyOf(group)}: {`,
      ...commandsIn(join(handlers, group)).map(
        (name) => `    ${name}: typeof import('../../handlers/${group}/${name}.ts').default`,
      ),
      '  }',
    ]),
    '}',
    '',
  ].join('\n')
}

function commandsIn(folder: string): string[] {
  const files = readdirSync(folder).filter((file) => /^[a-z0-9_]+\.ts$/.test(file))
  return files.map((file) => file.slice(0, -'.ts'.length)).toSorted()
}

function keyOf(group: string): string {
  return group.includes('-') ? `'${group}'` : group
}
