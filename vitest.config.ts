// One vitest configuration for the whole house: tests run on the sources, no build needed.
import { defineConfig } from 'vitest/config'

const resolve = { conditions: ['@polyarch/source'] }

export default defineConfig({
  resolve,
  ssr: { resolve },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'tools/**/*.test.ts', 'bench/**/*.test.ts', 'e2e/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/lib/**', '**/dist/**'],
    globalSetup: ['tools/parts/src/vitest-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 300_000,
    pool: 'forks',
    maxWorkers: 2,
  },
})
