import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sluice, type Ended } from '../support/command.ts';
import { startTestService, type TestService } from '../support/service.ts';

const POLICY = `
p, group:test|staff,   acme, *, retrieve, upto:internal,     *, *, allow
p, group:test|owners,  acme, *, retrieve, upto:restricted,   *, *, allow
p, group:test|owners,  acme, *, label,    upto:restricted+a+b,   *, *, allow
p, group:test|owners,  acme, *, ingest,   upto:restricted,   as:trusted, *, allow
p, group:test|owners,  acme, *, audit,    upto:restricted,   *, *, allow
p, client:test|tool,   acme, *, retrieve, upto:restricted,   *, *, allow
p, client:test|tool,   acme, *, label,    upto:restricted+a+b,   *, *, allow
p, client:test|tool,   acme, *, ingest,   upto:restricted,   as:trusted, *, allow
p, client:test|tool,   acme, *, audit,    upto:restricted,   *, *, allow
p, client:test|loader, acme, *, ingest,   upto:confidential, as:internal, *, allow
`;
const OPEN = `allow: ['group:staff']`;

let service: TestService;
let tree = '';
let owner = '';
let loader = '';
let staff = '';

beforeAll(async () => {
  service = await startTestService({ policy: POLICY, tenants: ['acme'] });
  owner = await service.token({ sub: 'olga', client_id: 'tool', groups: ['owners'] });
  staff = await service.token({ sub: 'sam', client_id: 'tool', groups: ['staff'] });
  loader = await service.token({ sub: 'loader', client_id: 'loader', groups: undefined });
});
afterAll(() => service.stop());
beforeEach(() => {
  const made = mkdtempSync(join(tmpdir(), 'cli-tree-'));
  tree = made;
  return () => rmSync(made, { recursive: true, maxRetries: 5 });
});

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(tree, name)), { recursive: true });
    writeFileSync(join(tree, name), text);
  }
}

function run(token: string | undefined, ...args: readonly string[]): Promise<Ended> {
  return sluice(args, { SLUICE_URL: service.url, ...(token === undefined ? {} : { SLUICE_TOKEN: token }) });
}

async function makeSource(source: string): Promise<void> {
  const body = { title: source, owner: 'group:owners', level: 'internal', trust: 'internal' };
  expect((await service.call('PUT', `/v1/sources/${source}`, owner, body)).status).toBe(201);
}

const counts = (ended: Ended): readonly number[] => {
  const { created, changed, unchanged, deleted } = ended.json<Record<string, number>>();
  return [created, changed, unchanged, deleted].map((n) => n ?? -1);
};

async function ask(query: string, token = staff): Promise<{ requestId: string; chunks: { id: string; text: string }[] }> {
  return (await service.call('POST', '/v1/retrieve', token, { query })).json();
}

describe('sluice ingest', () => {
  test('writes, leaves alone, changes and deletes; the second run changes nothing', async () => {
    await makeSource('wiki');
    write({ '_acl.yaml': OPEN, 'a.md': '# Herons\n\nHerons fish at dawn.', 'x/b c%.txt': 'Otters swim.', 'gone.md': '# Gone\n\nWalrus.' });
    const ingest = ['ingest', tree, '--source', 'wiki', '--json'];
    const first = await run(loader, ...ingest);
    expect(first).toMatchObject({ code: 0, err: '' });
    expect(counts(first)).toEqual([3, 0, 0, 0]);
    expect((await ask('walrus')).chunks).toHaveLength(1);

    expect(counts(await run(loader, ...ingest))).toEqual([0, 0, 3, 0]);

    rmSync(join(tree, 'gone.md'));
    write({ 'a.md': '# Herons\n\nHerons fish at dusk.', 'd.html': '<h1>Toads</h1><p>Toads sing.</p>' });
    expect(counts(await run(loader, ...ingest))).toEqual([1, 1, 1, 1]);
    expect((await ask('walrus')).chunks).toEqual([]);
    expect((await ask('herons')).chunks[0]?.text).toContain('dusk');
  });

  test('another writer finds what is there already and calls it unchanged', async () => {
    await makeSource('shared');
    write({ '_acl.yaml': OPEN, 'a.md': '# A\n\nText.' });
    expect(counts(await run(owner, 'ingest', tree, '--source', 'shared', '--json'))).toEqual([1, 0, 0, 0]);
    write({ 'b.md': '# B\n\nText.' });
    expect(counts(await run(owner, 'ingest', tree, '--source', 'shared', '--json'))).toEqual([1, 0, 1, 0]);
  });

  test('a document that has lost its grant is left out, told and deleted', async () => {
    await makeSource('grants');
    write({ '_acl.yaml': OPEN, 'a.md': '# A\n\nPuffin.', 'x/_acl.yaml': OPEN, 'x/b.md': '# B\n\nText.' });
    expect((await run(loader, 'ingest', tree, '--source', 'grants')).code).toBe(0);
    expect((await ask('puffin')).chunks).toHaveLength(1);
    rmSync(join(tree, '_acl.yaml'));
    const second = await run(loader, 'ingest', tree, '--source', 'grants');
    expect(second.code).toBe(1);
    expect(second.out).toContain('grants: 0 created, 0 changed, 1 unchanged, 1 deleted');
    expect(second.out).toMatch(/left out +a\.md: no _acl\.yaml/);
    expect((await ask('puffin')).chunks).toEqual([]);
  });

  test('a line that the service refuses takes no other with it', async () => {
    await makeSource('lines');
    write({ '_acl.yaml': OPEN, 'a.md': '# A\n\nText.', 'b/_acl.yaml': 'trust: trusted', 'b/b.md': '# B\n\nText.', 'c.md': '# C\n\nText.' });
    const ended = await run(loader, 'ingest', tree, '--source', 'lines', '--json');
    expect(ended.code).toBe(1);
    expect(counts(ended)).toEqual([2, 0, 0, 0]);
    expect(ended.json()['failed']).toMatchObject([{ document: 'b/b.md', code: 'trust_too_low' }]);
  });

  test('more than a batch holds goes in several', async () => {
    await makeSource('many');
    write({ '_acl.yaml': OPEN, ...Object.fromEntries(Array.from({ length: 150 }, (_, n) => [`n${n}.md`, `# Note ${n}\n\nText ${n}.`])) });
    expect(counts(await run(loader, 'ingest', tree, '--source', 'many', '--json'))).toEqual([150, 0, 0, 0]);
    expect(counts(await run(loader, 'ingest', tree, '--source', 'many', '--json'))).toEqual([0, 0, 150, 0]);
  });

  test('an empty directory deletes nothing, unless that is meant', async () => {
    await makeSource('mount');
    write({ '_acl.yaml': OPEN, 'a.md': '# A\n\nText.' });
    await run(loader, 'ingest', tree, '--source', 'mount');
    rmSync(join(tree, 'a.md'));
    const guarded = await run(loader, 'ingest', tree, '--source', 'mount');
    expect(guarded.code).toBe(1);
    expect(guarded.err).toContain('--allow-empty');
    expect(counts(await run(loader, 'ingest', tree, '--source', 'mount', '--allow-empty', '--json'))).toEqual([0, 0, 0, 1]);
  });

  test('an unreadable _acl.yaml stops it and is named; nothing is deleted', async () => {
    await makeSource('rules');
    write({ '_acl.yaml': OPEN, 'a.md': '# A\n\nPelican.', 'b.md': '# B\n\nText.' });
    await run(loader, 'ingest', tree, '--source', 'rules');
    rmSync(join(tree, 'a.md'));
    write({ 'x/_acl.yaml': 'alow: []' });
    const ended = await run(loader, 'ingest', tree, '--source', 'rules');
    expect(ended.code).toBe(1);
    expect(ended.err).toContain('x/_acl.yaml');
    expect((await ask('pelican')).chunks).toHaveLength(1);
  });

  test('--create makes a source for who may, and leaves an existing one as it is', async () => {
    write({ '_acl.yaml': OPEN, 'a.md': '# A\n\nText.' });
    const create = ['ingest', tree, '--source', 'made', '--json', '--create', '--owner', 'group:owners', '--level', 'internal'];
    expect((await run(loader, ...create)).json()['error']).toMatchObject({ code: 'forbidden' });
    expect(counts(await run(owner, ...create, '--title', 'Made'))).toEqual([1, 0, 0, 0]);
    await service.call('PATCH', '/v1/sources/made', owner, { level: 'restricted' });
    expect((await run(owner, ...create)).code).toBe(0);
    const source = await service.call('GET', '/v1/sources/made', owner);
    expect(source.json()).toMatchObject({ title: 'Made', level: 'restricted', trust: 'internal' });
  });

  test('include and exclude select, and what is no longer selected is deleted', async () => {
    await makeSource('globs');
    write({ '_acl.yaml': OPEN, 'a.md': '# A\n\nText.', 'b.txt': 'Text.', 'drafts/c.md': '# C\n\nText.' });
    const ingest = ['ingest', tree, '--source', 'globs', '--json'];
    expect(counts(await run(loader, ...ingest, '--include', '**/*.md', '--include', '*.txt'))).toEqual([3, 0, 0, 0]);
    expect(counts(await run(loader, ...ingest, '--exclude', 'drafts/**', '--uri-base', 'https://wiki.example'))).toEqual([0, 2, 0, 1]);
    const document = await service.call('GET', '/v1/sources/globs/documents/a.md', owner);
    expect(document.json()).toMatchObject({ uri: 'https://wiki.example/a.md', title: 'A' });
  });

  test.each([
    ['no source', []],
    ['a level without --create', ['--source', 'wiki', '--level', 'public']],
    ['--create without an owner', ['--source', 'wiki', '--create', '--level', 'public']],
    ['a uri base that is no URL', ['--source', 'wiki', '--uri-base', 'wiki']],
    ['an unknown option', ['--source', 'wiki', '--force']],
  ])('%s is a matter of usage', async (_what, args) => {
    const ended = await run(loader, 'ingest', tree, ...args);
    expect(ended).toMatchObject({ code: 2, out: '' });
    expect(ended.err).not.toBe('');
  });

  test('a source that is not there, or not for this writer, is one answer', async () => {
    write({ '_acl.yaml': OPEN, 'a.md': '# A\n\nText.' });
    const [absent, hidden] = [await run(staff, 'ingest', tree, '--source', 'absent'), await run(staff, 'ingest', tree, '--source', 'wiki')];
    expect(absent.code).toBe(1);
    expect(hidden.code).toBe(1);
    const withoutIds = ({ err }: Ended): string => err.replaceAll(/request .*/g, '').replace('wiki', 'absent');
    expect(withoutIds(hidden)).toBe(withoutIds(absent));
  });
});

describe('sluice label and sluice trace', () => {
  test('a label holds with the next question', async () => {
    await makeSource('notes');
    write({ '_acl.yaml': OPEN, 'a.md': '# A\n\nKingfisher.' });
    await run(loader, 'ingest', tree, '--source', 'notes');
    expect((await ask('kingfisher')).chunks).toHaveLength(1);
    const changed = await run(owner, 'label', 'notes', '--level', 'confidential', '--compartment', 'a', '--compartment', 'b');
    expect(changed).toMatchObject({ code: 0, out: 'notes: internal → confidential+a+b\n' });
    expect((await ask('kingfisher')).chunks).toEqual([]);
    expect((await run(owner, 'label', 'notes', '--level', 'confidential')).out).toBe('notes: already so\n');
    const lowered = await run(owner, 'label', 'notes', '--level', 'internal', '--no-compartment', '--title', 'Notes', '--json');
    expect(lowered.json()).toMatchObject({
      before: { compartments: ['a', 'b'] },
      after: { level: 'internal', compartments: [], title: 'Notes' },
    });
    expect((await ask('kingfisher')).chunks).toHaveLength(1);
  });

  test('who may not label is refused, and what is missing is usage', async () => {
    const refused = await run(loader, 'label', 'wiki', '--level', 'public', '--json');
    expect(refused.code).toBe(1);
    expect(refused.json()['error']).toMatchObject({ code: 'forbidden' });
    expect((await run(owner, 'label', 'wiki')).code).toBe(2);
    const unknown = await run(owner, 'label', 'wiki', '--level', 'secret');
    expect(unknown.code).toBe(1);
    expect(unknown.err).toMatch(/unknown_level[^]*\/level[^]*request [0-9a-f-]{36}/);
  });

  test('a trace says who was shown what by which lines; others get nothing', async () => {
    const { requestId } = await ask('herons');
    const trace = await run(owner, 'trace', requestId);
    expect(trace.code).toBe(0);
    expect(trace.out).toContain('asked by   user:test|sam through client:test|tool');
    expect(trace.out).toMatch(/1 {2}wiki\/a\.md {2}acl 1 {2}line:\d+ line:\d+/);
    expect(trace.out).not.toContain('dusk');
    expect((await run(owner, 'trace', requestId, '--json')).json()).toMatchObject({ requestId });
    expect((await run(staff, 'trace', requestId, '--json')).json()['error']).toMatchObject({ code: 'not_found' });
    expect((await run(owner, 'trace', 'nonsense')).code).toBe(1);
  });

  test('an output is compared for whoever asked, and the trace shows every stage', async () => {
    const { requestId, chunks } = await ask('herons');
    const [chunk] = chunks;
    const report = { chunks: [chunk?.id] };
    for (const [stage, body] of [
      ['admitted', { ...report, prompt: 'p' }],
      ['cited', report],
    ] as const) {
      expect((await service.call('POST', `/v1/requests/${requestId}/${stage}`, staff, body)).status).toBe(200);
    }
    const file = join(tree, 'answer.txt');
    write({ 'answer.txt': `As ${chunk?.id ?? ''} says; but see [7].` });
    const checked = await run(staff, 'output', requestId, file);
    expect(checked.code).toBe(0);
    expect(checked.out).toMatch(/^flag {2}unknown-citation\ncites {6}\S+ {2}3–39 .*\nunknown {4}\d+–\d+ {2}\[7\]\n$/);
    expect((await run(staff, 'output', requestId, file, '--json')).json()).toMatchObject({ decision: 'flag' });
    expect((await run(owner, 'output', requestId, file, '--json')).json()['error']).toMatchObject({ code: 'not_found' });
    expect((await run(staff, 'output', requestId, join(tree, 'missing'))).code).toBe(2);
    const { out } = await run(owner, 'trace', requestId);
    expect(out).toMatch(/^admitted {3}1, digest of the prompt sealed$/m);
    expect(out).toMatch(/^cited {6}1$/m);
    expect(out).toMatch(
      /^output {5}flag \(unknown-citation\), \d+ characters: 1 citations, 0 quotations of which 0 not cited, 1 citations of nothing/m,
    );
  });
});

describe('what every client command does when it cannot ask', () => {
  test('without a token it says how to get one', async () => {
    const ended = await run(undefined, 'trace', 'x');
    expect(ended.code).toBe(2);
    expect(ended.err).toContain('SLUICE_TOKEN');
  });

  test('a refused token is told as the service tells it', async () => {
    expect((await run('not.a.token', 'trace', 'x', '--json')).json()['error']).toMatchObject({ code: 'invalid_token' });
  });

  test('a service that is not there is named', async () => {
    const ended = await sluice(['trace', 'x'], { SLUICE_URL: 'http://127.0.0.1:9', SLUICE_TOKEN: 'x' });
    expect(ended.code).toBe(1);
    expect(ended.err).toContain('http://127.0.0.1:9');
  });

  test('a bad setting is named and its value is not', async () => {
    const ended = await sluice(['trace', 'x'], { SLUICE_URL: 'ftp://user:hunter2@x', SLUICE_TOKEN: 'x' });
    expect(ended.code).toBe(2);
    expect(ended.err).toContain('SLUICE_URL');
    expect(ended.err).not.toContain('hunter2');
  });

  test('a provider that is no development issuer gives no development token', async () => {
    const ended = await run(undefined, 'token', '--as', 'alice');
    expect(ended).toMatchObject({ code: 1, out: '' });
  });
});
