import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { readVariables } from '../../src/config/variables.ts';
import { errorTable } from '../../src/core/errors.ts';
import { AUDIT_KINDS } from '../../src/core/ports/audit.ts';
import { openDoor, type Fixture } from '../../src/doors/http/door.fixture.ts';
import { issuerProblems } from '../../src/identity/issuer-config.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** Rows of Markdown tables, their cells trimmed. */
function rows(markdown: string): readonly (readonly string[])[] {
  const cells = (line: string): readonly string[] =>
    line
      .slice(1, -1)
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim());
  return markdown
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map(cells);
}

function section(markdown: string, title: string): string {
  const [, after] = markdown.split(`\n## ${title}\n`);
  if (after === undefined) throw new Error(`there is no section ${title}`);
  return after.split('\n## ')[0] ?? '';
}

const code = (cell: string | undefined): readonly string[] => [...(cell ?? '').matchAll(/`([^`]+)`/g)].map(([, inner = '']) => inner);

describe('docs/api.md', () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await openDoor();
  });
  afterAll(() => fixture.door.close(0));

  test('names every error with its status, and no other', () => {
    const documented = rows(section(read('docs/api.md'), 'Errors')).flatMap(([name, status]) =>
      code(name).map((found) => ({ code: found, status: Number(status) })),
    );
    const known = errorTable().map((entry) => ({ code: entry.code, status: entry.status }));
    const byCode = (a: { code: string }, b: { code: string }): number => a.code.localeCompare(b.code);
    expect([...documented].sort(byCode)).toEqual([...known].sort(byCode));
  });

  test('names every route with its scopes, and no other', async () => {
    const documented = rows(section(read('docs/api.md'), 'Routes')).flatMap(([route, scopes]) =>
      code(route).map((found) => `${found}: ${code(scopes).join(' ')}`),
    );
    const answer = await fetch(`${fixture.at.url}/openapi.json`);
    const { paths } = (await answer.json()) as { paths: Record<string, Record<string, { description?: string }>> };
    const served = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { description = '' }]) => {
        const scopes = description.replace(/^Scope: |\.$/g, '').replaceAll(' or ', ' ');
        return `${method.toUpperCase()} ${path}: ${scopes}`;
      }),
    );
    expect([...documented].sort()).toEqual(served.sort());
    expect(served.length).toBeGreaterThan(15);
  });
});

describe('docs/operations.md', () => {
  const text = read('docs/operations.md');

  test('names every variable that is read, and no other', () => {
    const source = read('src/config/variables.ts');
    const table = /const VARIABLES = \{(.*?)\n\} as const;/s.exec(source)?.[1] ?? '';
    const known = [...table.matchAll(/^ {2}([A-Z_]+):/gm)].map(([, name = '']) => name);
    expect(known.length).toBeGreaterThan(20);
    const documented = rows(section(text, 'Configuration')).flatMap(([name]) => code(name).filter((found) => /^[A-Z_]+$/.test(found)));
    expect([...documented].sort()).toEqual(known.sort());
  });

  // The command line refuses what looks like a setting and is none, so a page that exports one stops whoever follows it.
  test('stands beside no page or example that sets a variable which is none', () => {
    const pages = globSync(['README.md', 'docs/*.md', 'examples/**/*.{md,ts}', 'deploy/*.yaml', 'deploy/.env.example'], { cwd: root });
    const named = pages.flatMap((page) => read(page).match(/SLUICE_[A-Z_]+/g) ?? []);
    expect(named).toContain('SLUICE_TOKEN');
    const none = readVariables(Object.fromEntries(named.map((name) => [name, 'x']))).problems;
    expect(none.filter(({ message }) => message.startsWith('is not a setting'))).toEqual([]);
  });

  test('shows an example of SLUICE_CONFIG that is accepted as it stands', () => {
    const example = /```yaml\n(# sluice\.yaml.*?)```/s.exec(text)?.[1];
    expect(example).toBeDefined();
    const config = loadConfig({ SLUICE_CONFIG: 'sluice.yaml' }, () => example ?? '');
    expect(config.issuers.map(({ name }) => name)).toEqual(['entra', 'okta', 'keycloak', 'auth0', 'cognito']);
    expect(issuerProblems(config.issuers)).toEqual([]);
    // Their tokens have no typ header, which has to be sayable.
    expect(config.issuers.filter(({ types }) => types.includes('')).map(({ name }) => name)).toEqual(['okta', 'cognito']);
  });

  test('names every metric, and no other', async () => {
    const metrics = await createMetrics().registry.getMetricsAsJSON();
    const known = metrics.map(({ name }) => name).filter((name) => name.startsWith('sluice_'));
    const documented = rows(section(text, 'Logs, metrics, traces')).flatMap(([name]) =>
      code(name)
        .map((found) => found.replace(/\{.*$/, ''))
        .filter((found) => found.startsWith('sluice_')),
    );
    expect([...documented].sort()).toEqual(known.sort());
  });
});

describe('docs/audit.md', () => {
  test('names every kind of event, and no other', () => {
    const cells = rows(section(read('docs/audit.md'), 'What is in the log')).flatMap(([kinds]) => code(kinds));
    const kindsOf = (cell: string): readonly string[] =>
      AUDIT_KINDS.filter((kind) => (cell.endsWith('.*') ? kind.startsWith(cell.slice(0, -1)) : kind === cell));
    const documented = cells.filter((cell) => cell !== 'where: "output"');
    expect(documented.filter((cell) => kindsOf(cell).length === 0)).toEqual([]);
    expect(AUDIT_KINDS.filter((kind) => !documented.flatMap(kindsOf).includes(kind))).toEqual([]);
  });
});

describe('links between documents', () => {
  const documents = ['README.md', 'CHANGELOG.md', ...globSync('docs/**/*.md', { cwd: root })];

  test.each(documents)('%s leads somewhere', (path) => {
    const broken = [...read(path).matchAll(/\]\(([^)#:\s]+)(?:#[^)]*)?\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !existsSync(join(root, dirname(path), target)));
    expect(broken).toEqual([]);
  });
});

describe('docs/decisions', () => {
  const files = globSync('docs/decisions/[0-9]*.md', { cwd: root }).map((file) => file.replaceAll('\\', '/'));

  test('have each a number of their own, and say it in their first line', () => {
    const numbers = files.map((file) => Number(/(\d{4})-[a-z0-9-]+\.md$/.exec(file)?.[1]));
    expect(new Set(numbers).size).toBe(files.length);
    expect(files.map((file) => read(file).split(' ', 2).join(' '))).toEqual(numbers.map((number) => `# ${number}.`));
  });
});
