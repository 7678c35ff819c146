import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const text = readFileSync(join(root, 'docs/security.md'), 'utf8');

interface Evidence {
  readonly file: string;
  readonly title: string;
}
interface Claim {
  readonly id: string;
  readonly evidence: readonly Evidence[];
}

/** Rows `| C1 | claim | `file` › `part of a title`; … |`. */
function claimsOf(document: string): readonly Claim[] {
  return [...document.matchAll(/^\| (C\d+) \|(.+)\|$/gm)].map(([, id = '', rest = '']) => ({
    id,
    evidence: [...rest.matchAll(/`([^`]+\.ts)` › `([^`]+)`/g)].map(([, file = '', title = '']) => ({ file, title })),
  }));
}

/** The titles in a test file: first argument of `describe`, `it`, `test` and their `each`. */
function titlesOf(source: string): readonly string[] {
  const call = /(?:\b(?:describe|it|test)\(|\)\()\s*(?:'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)"|`((?:\\.|[^`\\])*)`)/g;
  return [...source.matchAll(call)].map(([, single, double, template]) => single ?? double ?? template ?? '');
}

const tests = globSync(['src/**/*.test.ts', 'test/**/*.test.ts', 'connectors/**/*.test.ts'], { cwd: root });
const contracts = globSync('test/contract/*.contract.ts', { cwd: root });

/** A contract runs only where a test file, or a contract that runs, imports it. */
function runs(file: string, seen: readonly string[] = []): boolean {
  if (tests.includes(file)) return true;
  if (!contracts.includes(file) || seen.includes(file)) return false;
  const users = [...tests, ...contracts].filter((user) => readFileSync(join(root, user), 'utf8').includes(`/${basename(file)}'`));
  return users.some((user) => runs(user, [...seen, file]));
}

function faults({ evidence }: Claim): readonly string[] {
  if (evidence.length === 0) return ['names no test'];
  return evidence.flatMap(({ file, title }) => {
    if (!existsSync(join(root, file))) return [`${file} is not there`];
    if (!runs(file)) return [`${file} is run by no test file`];
    const source = readFileSync(join(root, file), 'utf8');
    if (/\b(?:describe|it|test)\.(?:skip|todo|skipIf|runIf)\b/.test(source)) return [`${file} skips tests`];
    return titlesOf(source).some((found) => found.includes(title)) ? [] : [`${file} has no test "${title}"`];
  });
}

describe('claims of docs/security.md', () => {
  const claims = claimsOf(text);

  test('are numbered from 1 without gaps, and none was lost', () => {
    expect(claims.map(({ id }) => id)).toEqual(claims.map((_, index) => `C${index + 1}`));
    expect(claims.length).toBeGreaterThanOrEqual(31);
    // A row of another shape would be a claim that nobody checks.
    expect(text.match(/\bC\d+ \|/g)).toHaveLength(claims.length);
  });

  test.each(claims)('$id has tests that exist', (claim) => {
    expect(faults(claim)).toEqual([]);
  });

  test('that are mentioned elsewhere in the document exist', () => {
    const known = claims.map(({ id }) => Number(id.slice(1)));
    const mentioned = [...text.matchAll(/\bC(\d+)\b/g)].map(([, number]) => Number(number));
    expect(mentioned.filter((number) => !known.includes(number))).toEqual([]);
  });
});

describe('a claim without evidence is found', () => {
  const row = (evidence: string): Claim => claimsOf(`| C1 | it holds | ${evidence} |`)[0] ?? { id: '', evidence: [] };

  test.each([
    ['no test', 'trust us'],
    ['no such file', '`test/security/none.test.ts` › `holds`'],
    ['no such title', '`test/house/security-claims.test.ts` › `holds for ever, unless it does not${""}`'],
    ['a file that nothing runs', '`src/core/acl.ts` › `judgeAcl`'],
  ])('%s', (_what, evidence) => {
    expect(faults(row(evidence))).toHaveLength(1);
  });

  test('one with evidence is sound', () => {
    expect(faults(row('`test/house/security-claims.test.ts` › `one with evidence is sound`'))).toEqual([]);
  });
});
