// Runs the suites that try at random with their full counts, and prints what they measured, as docs/security.md shows it.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = mkdtempSync(join(tmpdir(), 'sluice-verify-'));
const report = join(folder, 'figures');
writeFileSync(report, '');
// Every place whose suites take their counts from test/support/scale.ts; others may be named on the command line instead.
const named = process.argv.slice(2);
const tests =
  named.length > 0 ? named : ['test/property', 'test/security', 'test/integration/directory-replicas', 'src/core', 'src/policy'];
const vitest = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', '--testTimeout=3600000', ...tests], {
  stdio: 'inherit',
  env: { ...process.env, SLUICE_VERIFY: 'long', SLUICE_VERIFY_REPORT: report },
});
console.log(`\n| suite | result |\n| --- | --- |\n${readFileSync(report, 'utf8')}`);
rmSync(folder, { recursive: true });
process.exitCode = vitest.status ?? 1;
