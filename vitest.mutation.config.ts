import { defineConfig } from 'vitest/config';

/**
 * The tests that mutants of the deciding rooms have to get past: quick ones, since every mutant runs them anew. Some of
 * identity that start servers are left out: what they cover, a test beside each file covers without one.
 */
export default defineConfig({
  test: {
    environment: 'node',
    // Shorter than Stryker's own: a mutant that hangs one test need not cost a whole worker.
    testTimeout: 15_000,
    isolate: false,
    env: { SLUICE_VERIFY: 'mutation' },
    include: [
      'src/{core,policy,identity,retrieval,provenance}/**/*.test.ts',
      'src/ingestion/{acl-body,label-body,write-rights}.test.ts',
      'src/vectors/filter-shape.test.ts',
    ],
    exclude: [
      'src/identity/dev-issuer/**',
      'src/identity/{caller,discovery,dpop,hostile-tokens,identity}.test.ts',
      'src/identity/{keys-over-time,logout-token,several-issuers}.test.ts',
    ],
  },
});
