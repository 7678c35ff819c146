import { defineConfig } from 'vitest/config';

/** The tests that mutants of the deciding rooms have to get past: those that start no server, since every mutant runs them anew. */
export default defineConfig({
  test: {
    environment: 'node',
    testTimeout: 60_000,
    env: { SLUICE_VERIFY: 'mutation' },
    include: [
      'src/{core,policy,identity,retrieval,provenance}/**/*.test.ts',
      'src/ingestion/{acl-body,label-body,write-rights}.test.ts',
      'src/vectors/filter-shape.test.ts',
    ],
    exclude: ['src/identity/dev-issuer/**'],
  },
});
