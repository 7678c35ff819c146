import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { silentTelemetry } from '../core/ports/telemetry.ts';
import { parsePolicyCsv } from './parse-csv.ts';
import { createPolicy } from './policy.ts';
import { runPolicyCases } from './run-cases.ts';
import { parseVocabulary } from './vocabulary.ts';

const folder = new URL('../../policies/', import.meta.url);
const text = (name: string): string => readFileSync(new URL(name, folder), 'utf8');
const { scheme, purposes } = parseVocabulary(text('labels.json'));
const policy = createPolicy({ model: text('model.conf'), purposes, scheme, telemetry: silentTelemetry });
const { lines, problems } = parsePolicyCsv(text('policy.csv'));
const files = readdirSync(new URL('cases/', folder)).map((name) => ({ name, text: text(`cases/${name}`) }));

describe('policies/', () => {
  it('loads without a problem', () => {
    expect(problems).toEqual([]);
    expect(policy.check('acme', lines)).toEqual([]);
    expect(policy.check('other', lines).length).toBe(lines.length);
  });

  it.each(files)('$name: every case gets the decision it expects from both keys', (file) => {
    const results = runPolicyCases({ policy, scheme, lines, files: [file] });
    expect(results.length).toBeGreaterThan(2);
    expect(new Set(results.map((result) => result.expected)).size).toBeGreaterThan(1);
    expect(results.filter((result) => !result.passed)).toEqual([]);
  });
});

describe('runPolicyCases', () => {
  const file = (cases: string): { name: string; text: string } => ({
    name: 'x.yaml',
    text: `tenant: acme
callers: { dana: { user: dev|dana, groups: [dev|finance], client: dev|internal-assistant } }
zones: { finance: { source: finance-reports, level: internal, trust: internal } }
cases: [${cases}]`,
  });
  const run = (cases: string) => runPolicyCases({ policy, scheme, lines, files: [file(cases)] });

  it('reports a case whose expectation is wrong, and why the decision is what it is', () => {
    const [wrong, right] = run('{ who: dana, mayNot: [finance] }, { who: dana, may: [finance] }');
    expect(wrong).toMatchObject({ passed: false, expected: 'refuse', actual: 'permit' });
    expect(wrong?.because).toMatch(/^line:\d+ line:\d+$/);
    expect(right).toMatchObject({ passed: true });
  });

  it.each([
    ['{ who: nobody, may: [finance] }', /x\.yaml: .*"nobody"/],
    ['{ who: dana, may: [elsewhere] }', /x\.yaml: .*"elsewhere"/],
    ['{ who: dana, maynot: [finance] }', /x\.yaml: [^]*maynot/],
    ['{ who: dana, action: read, may: [finance] }', /x\.yaml/],
    ['{ who: dana, action: label, may: [tenant] }', /x\.yaml: only administer/],
  ])('refuses %s', (cases, message) => {
    expect(() => run(cases)).toThrow(message);
  });
});
