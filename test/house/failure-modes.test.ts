import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ERROR_CODES } from '../../src/core/errors.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';

const root = join(import.meta.dirname, '../..');
const text = readFileSync(join(root, 'docs/failure-modes.md'), 'utf8');

/** What stands in code quotes in the table rows. */
const quoted = text
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .flatMap((line) => [...line.matchAll(/`([^`]+)`/g)].map(([, inner = '']) => inner));

describe('docs/failure-modes.md', () => {
  test('names tests that are there', () => {
    const named = quoted.filter((name) => /^(?:integration|contract|src)\/[\w/.-]+$/.test(name));
    expect(named.length).toBeGreaterThan(20);
    const missing = named.filter((name) => {
      const path = name.startsWith('src/') ? name : `test/${name}`;
      return globSync([`${path}.test.ts`, `${path}/*.test.ts`, `${path}.contract.ts`], { cwd: root }).length === 0;
    });
    expect(missing).toEqual([]);
  });

  test('names codes, metrics and log lines that there are', async () => {
    const codes: readonly string[] = ERROR_CODES;
    const named = quoted.filter((name) => /_(?:unavailable|exceeded|unstable|back|incomplete|token|policy|limited|down)$/.test(name));
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((code) => !codes.includes(code))).toEqual([]);

    const metrics = await createMetrics().registry.metrics();
    const counters = quoted.filter((name) => name.startsWith('sluice_'));
    expect(counters.filter((name) => !metrics.includes(`# TYPE ${name.replace(/\{.*$/, '')} `))).toEqual([]);

    const sources = globSync('src/**/*.ts', { cwd: root }).map((path) => readFileSync(join(root, path), 'utf8'));
    const lines = quoted.filter((name) => /^[A-Za-z.]+(?: [\w,;.…]+){3,}$/.test(name));
    expect(lines.length).toBeGreaterThan(5);
    const said = (line: string): boolean => line.split('…').every((part) => sources.some((source) => source.includes(part)));
    expect(lines.filter((line) => !said(line))).toEqual([]);
  });
});
