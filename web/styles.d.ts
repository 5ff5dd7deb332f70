/** esbuild bundles them into one file: build.mjs. */
declare module '*.css'
