import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const trees: string[] = [];
afterEach(() => trees.splice(0).forEach((tree) => rmSync(tree, { recursive: true, maxRetries: 5 })));

/** Runs the real runner with the real reporter over one test file; the tree lies in here so that it finds vitest. */
function runTests(body: string, ci: string) {
  const tree = mkdtempSync(join(root, 'test/house/.tree-'));
  trees.push(tree);
  const reporter = join(root, 'test/support/summary-reporter.ts');
  writeFileSync(join(tree, 'a.test.ts'), `import { beforeAll, describe, expect, test } from 'vitest';\n${body}`);
  writeFileSync(
    join(tree, 'vitest.config.ts'),
    `import { summaryReporter } from ${JSON.stringify(reporter)};\nexport default { test: { reporters: ['default', summaryReporter()] } };`,
  );
  const args = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--root', tree];
  const result = spawnSync(process.execPath, args, { env: { PATH: process.env['PATH'], CI: ci }, encoding: 'utf8' });
  return { status: result.status, lines: result.stdout.trimEnd().split('\n') };
}

test('the last line is the count, and a clean run passes', () => {
  const { status, lines } = runTests(`test('a', () => {}); test('b', () => expect(1).toBe(1));`, 'true');
  expect(lines.at(-1)).toBe('2 passed, 0 failed');
  expect(status).toBe(0);
});

const SKIPPING = `test('a', () => {}); test('b', (context) => context.skip('no such part here'));`;

test('a skipped test is named with its reason, and fails the run in CI alone', () => {
  const here = runTests(SKIPPING, '');
  expect(here.lines.at(-1)).toBe('1 passed, 0 failed, 1 skipped');
  expect(here.lines.at(-2)).toBe('skipped: a.test.ts > b: no such part here');
  expect(here.status).toBe(0);
  const inCi = runTests(SKIPPING, 'true');
  expect(inCi.lines.at(-1)).toBe('1 passed, 0 failed, 1 skipped');
  expect(inCi.status).toBe(1);
});

test.each([
  ['a failing test', `test('a', () => expect(1).toBe(2));`, '0 passed, 1 failed'],
  [
    'a failing beforeAll',
    `describe('x', () => { beforeAll(() => { throw new Error('x'); }); test('a', () => {}); });`,
    '0 passed, 1 failed, 1 skipped',
  ],
  ['an import that is not there', `import './absent.ts'; test('a', () => {});`, '0 passed, 1 failed'],
  [
    'an error nobody caught',
    `test('a', () => { setTimeout(() => { throw new Error('x'); }); }); test('b', () => new Promise((r) => setTimeout(r, 50)));`,
    '2 passed, 1 failed',
  ],
  ['no tests at all', ``, '0 passed, 1 failed'],
])('%s is never a run without failures', (_what, body, line) => {
  const { status, lines } = runTests(body, '');
  expect(lines.at(-1)).toBe(line);
  expect(status).toBe(1);
});
