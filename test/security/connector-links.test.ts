import { mkdir, mkdtemp, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readTree, type TreeEntry } from '../../connectors/filesystem/read-tree.ts';
import { labelScheme } from '../../src/core/label.ts';

/** Somebody who may write in one directory of a tree that a connector reads, and wants what lies elsewhere. */
const scheme = labelScheme(['public', 'internal', 'confidential', 'restricted']);
const SECRET = 'The salaries of the board.';
let root = '';
let outside = '';

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'tree-')));
  outside = await realpath(await mkdtemp(join(tmpdir(), 'outside-')));
});
afterEach(async () => {
  await rm(root, { recursive: true, maxRetries: 5 });
  await rm(outside, { recursive: true, maxRetries: 5 });
});

async function write(files: Readonly<Record<string, string>>, base = root): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(base, name)), { recursive: true });
    await writeFile(join(base, name), text);
  }
}

const link = (name: string, target: string): Promise<void> => symlink(join(root, target), join(root, name));

async function read(exclude: readonly string[] = []): Promise<ReadonlyMap<string, TreeEntry>> {
  const entries = new Map<string, TreeEntry>();
  for await (const entry of readTree(root, { scheme, exclude })) entries.set(entry.document, entry);
  return entries;
}

function textOf(entry: TreeEntry | undefined): string | undefined {
  const content = entry?.kind === 'document' ? entry.body['contentBase64'] : undefined;
  return typeof content === 'string' ? Buffer.from(content, 'base64').toString() : undefined;
}
const EVERYONE = '{allow: [everyone]}';
const BOARD = '{allow: ["group:idp|board"]}';

describe('a link inside the root does not carry a file to other readers', () => {
  test('out of a directory with rules of its own, at any depth', async () => {
    await write({ '_acl.yaml': EVERYONE, 'board/_acl.yaml': BOARD, 'board/a/b/pay.md': SECRET, 'board/c.md': 'c', 'open/d.md': 'd' });
    await link('open/pay.md', 'board/a/b/pay.md');
    await link('open/same.md', 'open/d.md');
    await link('board/near.md', 'board/a/b/pay.md');
    const entries = await read();
    expect(entries.get('open/pay.md')).toMatchObject({ kind: 'problem' });
    expect(textOf(entries.get('open/same.md'))).toBe('d');
    expect(textOf(entries.get('board/near.md'))).toBe(SECRET);
    expect(entries.get('board/near.md')).toMatchObject({ body: { acl: { gates: [['group:idp|board']] } } });
  });

  test('into a directory whose own rules are wider', async () => {
    await write({ '_acl.yaml': BOARD, 'pay.md': SECRET, 'open/_acl.yaml': EVERYONE, 'open/a.md': 'a' });
    await link('open/pay.md', 'pay.md');
    const entries = await read();
    expect(entries.get('open/pay.md')).toMatchObject({ kind: 'problem' });
    expect(textOf(entries.get('pay.md'))).toBe(SECRET);
  });

  test('past rules for the one file, patterns and hidden directories', async () => {
    await write({
      '_acl.yaml': '{allow: [everyone], files: {pay.md: {allow: ["group:idp|board"]}}}',
      'pay.md': SECRET,
      '.hidden/pay.md': SECRET,
      'drafts/pay.md': SECRET,
      'b.md': 'b',
    });
    for (const [name, target] of Object.entries({ one: 'pay.md', two: '.hidden/pay.md', three: 'drafts/pay.md', four: 'b.md' })) {
      await link(`${name}.md`, target);
    }
    const entries = await read(['drafts/**']);
    for (const name of ['one.md', 'two.md', 'three.md']) expect(entries.get(name), name).toMatchObject({ kind: 'problem' });
    expect(textOf(entries.get('four.md'))).toBe('b');
  });
});

test('a directory exchanged for a link while the tree is read leads nowhere', async () => {
  await write({ '_acl.yaml': EVERYONE, 'a.md': 'a', 'd/pay.md': 'harmless', 'e/z.md': 'z' });
  await write({ 'pay.md': SECRET }, outside);
  const texts = new Map<string, string | undefined>();
  for await (const entry of readTree(root, { scheme })) {
    texts.set(entry.document, textOf(entry));
    if (entry.document !== 'a.md') continue;
    // The walk has the name "d" already as that of a directory.
    await rename(join(root, 'd'), join(root, 'was'));
    await symlink(outside, join(root, 'd'));
  }
  expect(texts.has('d/pay.md')).toBe(true);
  expect(texts.get('d/pay.md')).toBeUndefined();
  expect(texts.get('e/z.md')).toBe('z');
});

test.each(['_acl.yml', '_ACL.yaml', '.acl.yaml'])('rules that would be passed over for their name stop the sync: %s', async (name) => {
  await write({ '_acl.yaml': EVERYONE, [`board/${name}`]: BOARD, 'board/pay.md': SECRET });
  await expect(read()).rejects.toThrow(`board/${name} is not read; it must be named _acl.yaml`);
});
