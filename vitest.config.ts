import { configDefaults, defineConfig } from 'vitest/config';
import { keepCompiled } from './test/support/compiled.ts';
import { summaryReporter } from './test/support/summary-reporter.ts';

keepCompiled();

// Real servers start inside tests, and machines stall: these are for what hangs. No test decides by them what is slow.
const timeouts = { testTimeout: 120_000, hookTimeout: 120_000, teardownTimeout: 30_000 };
const waits = { expect: { poll: { timeout: 30_000 } } };
// What tests of the house plant, and leave behind where they are killed, is no part of it.
const exclude = [...configDefaults.exclude, '**/.tree-*/**'];
const setupFiles = ['test/support/same-draws.ts'];
const shared = { ...timeouts, ...waits, setupFiles, pool: 'forks' as const, environment: 'node' };

export default defineConfig({
  test: {
    // Two: the tests must pass on a machine with two cores, where each worker may hold a Qdrant and a PostgreSQL.
    maxWorkers: 2,
    reporters: ['default', summaryReporter()],
    projects: [
      { test: { ...shared, name: 'unit', include: ['src/**/*.test.ts', 'connectors/**/*.test.ts'] } },
      { test: { ...shared, name: 'parts', include: ['test/**/*.test.ts'], exclude } },
    ],
  },
});
