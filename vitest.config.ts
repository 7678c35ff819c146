import { defineConfig } from 'vitest/config';
import { summaryReporter } from './test/support/summary-reporter.ts';

// Real servers start inside tests, so a minute is the price of a bad day, not of a slow test.
const timeouts = { testTimeout: 60_000, hookTimeout: 60_000, teardownTimeout: 30_000 };
const shared = { ...timeouts, pool: 'forks' as const, environment: 'node' };

export default defineConfig({
  test: {
    // Two: the tests must pass on a machine with two cores, where each worker may hold a Qdrant and a PostgreSQL.
    maxWorkers: 2,
    reporters: ['default', summaryReporter()],
    projects: [
      { test: { ...shared, name: 'unit', include: ['src/**/*.test.ts', 'connectors/**/*.test.ts'] } },
      { test: { ...shared, name: 'parts', include: ['test/**/*.test.ts'] } },
    ],
  },
});
