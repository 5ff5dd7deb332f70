// Jest's own transformers know no TypeScript 7; esbuild, which tsx brings, strips types in a millisecond a file.
const { createHash } = require('node:crypto')
const { transformSync, version } = require('esbuild')

module.exports = {
  getCacheKey: (source, file) =>
    createHash('sha256').update(version).update(file).update('\0').update(source).digest('hex'),
  process: (source, file) =>
    transformSync(source, { loader: 'ts', format: 'esm', target: 'node20', sourcemap: 'inline', sourcefile: file }),
}
