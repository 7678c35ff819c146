import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { labelScheme } from '../../src/core/label.ts';
import { countFiles, readTree, type TreeEntry, type TreeOptions } from './read-tree.ts';
import { syncActions, type IndexedDocument, type SyncAction } from './sync-actions.ts';

const scheme = labelScheme(['public', 'internal', 'confidential', 'restricted']);
let root = '';
let outside = '';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tree-'));
  outside = mkdtempSync(join(tmpdir(), 'outside-'));
});
afterEach(() => {
  rmSync(root, { recursive: true });
  rmSync(outside, { recursive: true });
});

async function all<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
}

async function read(options: Partial<TreeOptions> = {}): Promise<ReadonlyMap<string, TreeEntry>> {
  const entries = await all(readTree(root, { scheme, ...options }));
  return new Map(entries.map((entry) => [entry.document, entry]));
}

function body(entries: ReadonlyMap<string, TreeEntry>, name: string): Readonly<Record<string, unknown>> {
  const entry = entries.get(name);
  if (entry?.kind !== 'document') throw new Error(`${name} is ${entry?.kind ?? 'absent'}`);
  return entry.body;
}

function problem(entries: ReadonlyMap<string, TreeEntry>, name: string): string {
  const entry = entries.get(name);
  if (entry?.kind !== 'problem') throw new Error(`${name} is ${entry?.kind ?? 'absent'}`);
  return entry.message;
}

const OPEN = `allow: ['group:staff']`;

describe('what a document gets from the _acl.yaml files above it', () => {
  test('the nearest grant wins; a file without a grant passes the one above on', async () => {
    write({
      '_acl.yaml': OPEN,
      'a.md': '# A',
      'hr/_acl.yaml': `allow: ['group:hr']`,
      'hr/b.md': '# B',
      'hr/deep/_acl.yaml': `metadata: { team: people }`,
      'hr/deep/c.md': '# C',
    });
    const entries = await read();
    expect(body(entries, 'a.md')['acl']).toEqual({ gates: [['group:staff']], deny: [] });
    expect(body(entries, 'hr/b.md')['acl']).toEqual({ gates: [['group:hr']], deny: [] });
    expect(body(entries, 'hr/deep/c.md')).toMatchObject({
      acl: { gates: [['group:hr']] },
      metadata: { team: 'people', path: 'hr/deep/c.md' },
    });
  });

  test('denies add up, and a grant further down takes none away', async () => {
    write({ '_acl.yaml': `${OPEN}\ndeny: ['user:mallory']`, 'x/_acl.yaml': `allow: [everyone]\ndeny: ['group:guests']`, 'x/a.md': '# A' });
    expect(body(await read(), 'x/a.md')['acl']).toEqual({ gates: [['everyone']], deny: ['group:guests', 'user:mallory'] });
  });

  test('labels get stricter on the way down and never laxer', async () => {
    write({
      '_acl.yaml': `${OPEN}\nlevel: confidential\ncompartments: [people]\ntrust: internal`,
      'x/_acl.yaml': `level: public\ncompartments: [legal]\ntrust: trusted`,
      'x/a.md': '# A',
      'y/_acl.yaml': `level: restricted\ntrust: external`,
      'y/a.md': '# A',
    });
    const entries = await read();
    expect(body(entries, 'x/a.md')).toMatchObject({ level: 'confidential', compartments: ['legal', 'people'], trust: 'internal' });
    expect(body(entries, 'y/a.md')).toMatchObject({ level: 'restricted', compartments: ['people'], trust: 'external' });
  });

  test('a level alone claims no trust, which may be above the writer’s own', async () => {
    write({ '_acl.yaml': `${OPEN}\nlevel: confidential`, 'a.md': '# A' });
    expect(Object.keys(body(await read(), 'a.md'))).not.toContain('trust');
    write({ '_acl.yaml': `${OPEN}\ntrust: external` });
    const labelled = body(await read(), 'a.md');
    expect(labelled['trust']).toBe('external');
    expect(Object.keys(labelled)).not.toContain('level');
  });

  test('validity gets shorter on the way down and never longer', async () => {
    write({
      '_acl.yaml': `${OPEN}\nvalidFrom: '2026-01-01T00:00:00Z'\nvalidUntil: '2026-06-01T00:00:00Z'`,
      'x/_acl.yaml': `validFrom: '2025-01-01T00:00:00Z'\nvalidUntil: '2026-03-01T00:00:00+01:00'`,
      'x/a.md': '# A',
    });
    expect(body(await read(), 'x/a.md')).toMatchObject({ validFrom: '2026-01-01T00:00:00Z', validUntil: '2026-03-01T00:00:00+01:00' });
  });

  test('files: speaks of one file, with the same rules', async () => {
    write({
      '_acl.yaml': `${OPEN}\ndeny: ['user:m']\nfiles: { b.md: { allow: ['group:hr'], level: restricted } }`,
      'a.md': '# A',
      'b.md': '# B',
    });
    const entries = await read();
    expect(body(entries, 'a.md')).toMatchObject({ acl: { gates: [['group:staff']], deny: ['user:m'] } });
    expect(body(entries, 'b.md')).toMatchObject({ acl: { gates: [['group:hr']], deny: ['user:m'] }, level: 'restricted' });
  });

  test('a name under files: that is not there is told, since the file it was meant for is under a wider grant', async () => {
    write({ '_acl.yaml': `${OPEN}\nfiles: { salries.md: { allow: ['group:hr'] } }`, 'salaries.md': '# S' });
    expect(problem(await read(), 'salries.md')).toContain('files');
  });

  test('without a grant a file is a problem; with an empty one it is nobody’s', async () => {
    write({ 'a.md': '# A', 'x/_acl.yaml': 'allow: []', 'x/b.md': '# B' });
    const entries = await read();
    expect(problem(entries, 'a.md')).toContain('_acl.yaml');
    expect(body(entries, 'x/b.md')['acl']).toEqual({ gates: [[]], deny: [] });
  });

  test.each([
    ['not YAML', 'allow: [', /x\/_acl\.yaml is not well-formed/],
    ['an unknown key', `alow: ['group:staff']`, /x\/_acl\.yaml.*alow/],
    ['an unknown key under files', `files: { a.md: { alow: [] } }`, /x\/_acl\.yaml.*alow/],
    ['allow and gates', `allow: [a]\ngates: [[a]]`, /x\/_acl\.yaml.*not both/],
    ['an unknown level', `level: secret`, /x\/_acl\.yaml.*public, internal/],
    ['a principal that is a number', `allow: [7]`, /x\/_acl\.yaml: allow\.0/],
    ['nine gates', `gates: [[a],[a],[a],[a],[a],[a],[a],[a],[a]]`, /x\/_acl\.yaml: gates/],
  ])('%s stops the reading and names the file', async (_what, text, message) => {
    write({ '_acl.yaml': OPEN, 'x/_acl.yaml': text, 'x/a.md': '# A' });
    await expect(read()).rejects.toThrow(message);
    write({ 'x/_acl.yaml': OPEN });
    expect((await read()).size).toBe(1);
  });

  test('a linked _acl.yaml is refused: whoever may write elsewhere would decide here', async () => {
    writeFileSync(join(outside, 'acl'), OPEN);
    write({ 'a.md': '# A' });
    symlinkSync(join(outside, 'acl'), join(root, '_acl.yaml'));
    await expect(read()).rejects.toThrow('not a plain file');
  });
});

describe('which files are read', () => {
  test('patterns select by path, and hidden files are never taken', async () => {
    write({ '_acl.yaml': OPEN, 'a.md': 'x', 'b.txt': 'x', 'c.png': 'x', '.d.md': 'x', '.git/e.md': 'x', 'x/f.md': 'x', 'x/y/g.html': 'x' });
    const names = async (options: Partial<TreeOptions>): Promise<readonly string[]> => [...(await read(options)).keys()];
    expect(await names({})).toEqual(['a.md', 'b.txt', 'x/f.md', 'x/y/g.html']);
    expect(await names({ include: ['**/*.md'] })).toEqual(['a.md', 'x/f.md']);
    expect(await names({ include: ['x/**'], exclude: ['**/y/**'] })).toEqual(['x/f.md']);
    expect(await names({ exclude: ['**'] })).toEqual([]);
    expect(await countFiles(root)).toBeGreaterThanOrEqual(4);
  });

  test('names with spaces, letters of any script, % and # stay what they are, and their uri says so', async () => {
    const odd = ['50% off #1?.md', 'ein Brief.md', 'größe/日本語.md', "it's [v2] (final).md"];
    write({ '_acl.yaml': OPEN, ...Object.fromEntries(odd.map((name) => [name, '# x'])) });
    const entries = await read({ uriBase: 'https://wiki.example/docs/' });
    expect([...entries.keys()].sort()).toEqual(odd.sort());
    expect(body(entries, '50% off #1?.md')['uri']).toBe('https://wiki.example/docs/50%25%20off%20%231%3F.md');
    expect(body(entries, 'größe/日本語.md')['uri']).toBe(
      `https://wiki.example/docs/${encodeURIComponent('größe')}/${encodeURIComponent('日本語')}.md`,
    );
    expect(Object.keys(body(await read(), 'ein Brief.md'))).not.toContain('uri');
  });

  test('a link inside the root is followed, one out of it, to nothing or to a directory is refused', async () => {
    writeFileSync(join(outside, 'secret.md'), 'secret');
    write({ '_acl.yaml': OPEN, 'a.md': '# A', 'd/b.md': '# B' });
    symlinkSync(join(root, 'd/b.md'), join(root, 'inside.md'));
    symlinkSync(join(outside, 'secret.md'), join(root, 'outside.md'));
    symlinkSync('../'.repeat(20) + 'etc/passwd', join(root, 'etc.txt'));
    symlinkSync(join(root, 'nothing'), join(root, 'broken.md'));
    symlinkSync(join(root, 'd'), join(root, 'dir.md'));
    symlinkSync(outside, join(root, 'folder'));
    const entries = await read();
    expect(body(entries, 'inside.md')['contentBase64']).toBe(Buffer.from('# B').toString('base64'));
    expect(problem(entries, 'outside.md')).toBe('is a link out of the root');
    expect(problem(entries, 'etc.txt')).toBe('is a link out of the root');
    expect(problem(entries, 'broken.md')).toBe('is a link to nothing');
    expect(problem(entries, 'dir.md')).toBe('is not a plain file');
    expect([...entries.keys()].filter((name) => name.startsWith('folder'))).toEqual([]);
    expect(JSON.stringify([...entries])).not.toContain(Buffer.from('secret').toString('base64'));
  });

  test('a sibling whose name begins like the root’s is outside', async () => {
    const sibling = `${root}-sibling`;
    mkdirSync(sibling);
    writeFileSync(join(sibling, 'a.md'), 'x');
    write({ '_acl.yaml': OPEN });
    symlinkSync(join(sibling, 'a.md'), join(root, 'a.md'));
    expect(problem(await read(), 'a.md')).toBe('is a link out of the root');
    rmSync(sibling, { recursive: true });
  });

  test('a pipe or a device is refused without waiting for it', async () => {
    write({ '_acl.yaml': OPEN, 'a.md': '# A' });
    execFileSync('mkfifo', [join(root, 'pipe.md')]);
    symlinkSync('/dev/zero', join(root, 'zero.md'));
    const entries = await read();
    expect(problem(entries, 'pipe.md')).toBe('is not a plain file');
    expect(problem(entries, 'zero.md')).toBe('is a link out of the root');
    expect(body(entries, 'a.md')).toBeDefined();
  });

  test('a file that is too large is a problem, and no more is read of it', async () => {
    write({ '_acl.yaml': OPEN, 'a.md': 'x'.repeat(10_000_001), 'b.md': 'x'.repeat(10_000_000) });
    const entries = await read();
    expect(problem(entries, 'a.md')).toContain('larger');
    expect(body(entries, 'b.md')).toBeDefined();
  });

  test('a root that is a file, or is not there, rejects', async () => {
    write({ 'a.md': 'x' });
    await expect(all(readTree(join(root, 'a.md'), { scheme }))).rejects.toThrow('not a directory');
    await expect(all(readTree(join(root, 'gone'), { scheme }))).rejects.toThrow('gone');
  });
});

describe('what a sync does', () => {
  async function actions(indexed: readonly IndexedDocument[], allowEmpty = false): Promise<readonly string[]> {
    const found = await all(syncActions(readTree(root, { scheme }), indexed, { allowEmpty }));
    return found.map((action) => `${action.kind} ${nameOf(action)}`);
  }
  function nameOf(action: SyncAction): string {
    if (action.kind === 'put') return action.document.document;
    return action.kind === 'problem' ? action.problem.document : action.document;
  }
  async function indexed(): Promise<readonly IndexedDocument[]> {
    return [...(await read()).values()].flatMap((e) => (e.kind === 'document' ? [{ document: e.document, writeDigest: e.etag }] : []));
  }

  test('unchanged is skipped, new and changed is put, gone is removed last', async () => {
    write({ '_acl.yaml': OPEN, 'a.md': 'a', 'b.md': 'b', 'z.md': 'z' });
    const before = await indexed();
    expect(await actions(before)).toEqual(['unchanged a.md', 'unchanged b.md', 'unchanged z.md']);
    rmSync(join(root, 'a.md'));
    write({ 'b.md': 'b2', 'c.md': 'c' });
    expect(await actions(before)).toEqual(['put b.md', 'put c.md', 'unchanged z.md', 'remove a.md']);
  });

  test('a changed right alone is a change; what another writer wrote is put', async () => {
    write({ '_acl.yaml': OPEN, 'a.md': 'a' });
    const before = await indexed();
    write({ '_acl.yaml': `allow: ['group:hr']` });
    expect(await actions(before)).toEqual(['put a.md']);
    expect(await actions([{ document: 'a.md' }])).toEqual(['put a.md']);
  });

  test('a document whose grant has gone is a problem and is removed', async () => {
    write({ '_acl.yaml': OPEN, 'a.md': 'a', 'x/_acl.yaml': OPEN, 'x/b.md': 'b' });
    const before = await indexed();
    rmSync(join(root, '_acl.yaml'));
    expect(await actions(before)).toEqual(['problem a.md', 'unchanged x/b.md', 'remove a.md']);
  });

  test('an empty root over a filled index is taken for a missing mount, unless it is meant', async () => {
    await expect(actions([{ document: 'a.md' }])).rejects.toThrow('--allow-empty');
    expect(await actions([{ document: 'a.md' }], true)).toEqual(['remove a.md']);
    expect(await actions([])).toEqual([]);
  });

  test('nothing is removed where a rule file cannot be read', async () => {
    write({ '_acl.yaml': OPEN, 'a.md': 'a', 'x/_acl.yaml': 'allow: [' });
    const seen: string[] = [];
    const run = async (): Promise<void> => {
      for await (const action of syncActions(readTree(root, { scheme }), [{ document: 'gone.md' }], { allowEmpty: true }))
        seen.push(action.kind);
    };
    await expect(run()).rejects.toThrow('x/_acl.yaml');
    expect(seen).toEqual(['put']);
  });
});
