import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '../../src/core/digest.ts';
import { loggedEvents } from '../support/logged-events.ts';
import { FULL, allow, policyOfHolders } from '../support/rights.ts';
import { AUDIENCE, startTestService, type Answer, type TestService } from '../support/service.ts';
import { startTestIssuer, type TestIssuer } from '../support/test-issuer.ts';

/** The whole service with a hygiene.yaml of small numbers. */
const HYGIENE = `
rules:
  - { kind: tag, over: 2, action: lowerTrust }
  - { kind: bidi, over: 3, share: 0.02, action: quarantine }
  - { kind: zeroWidth, over: 1, action: note }
`;
const TAGS = '\u{e0049}\u{e0067}\u{e006e}';
const BIDI = '\u202e\u202d\u202e\u202c';
const policy = [
  policyOfHolders('acme'),
  allow('user:test|wendy', 'acme', 'retrieve'),
  allow('user:test|wendy', 'acme', 'ingest', '*', 'upto:restricted+people+finance', 'as:internal'),
  allow('user:test|xavier', 'acme', 'ingest', '*', 'upto:restricted+people+finance', 'as:external'),
].join('\n');

interface Released {
  readonly label?: { readonly trust: string };
  readonly chunks: readonly {
    readonly text: string;
    readonly provenance: {
      readonly label: { readonly trust: string };
      readonly document: { readonly title: string };
      readonly normalised: { readonly removed: object };
    };
  }[];
}
interface Owned {
  readonly state: string;
  readonly because?: readonly string[];
  readonly trust: string;
  readonly removed: object;
  readonly hygiene?: object;
}

let issuer: TestIssuer;
let test: TestService;
let owner: string;
let made = 0;

const at = (document: string): string => `/v1/sources/s/documents/${document}`;
const fresh = (): string => `d${(made += 1)}`;
const body = (text: string, more: object = {}): object => ({ text, mediaType: 'text/plain', acl: { allow: ['everyone'] }, ...more });
const put = (document: string, given: object): Promise<Answer> => test.call('PUT', at(document), owner, given);
const record = async (document: string): Promise<Owned> => (await test.call('GET', at(document), owner)).json<Owned>();
const ask = async (word: string): Promise<Released> => (await test.call('POST', '/v1/retrieve', owner, { query: word })).json<Released>();

async function stored(document: string, given: object): Promise<void> {
  const answer = await put(document, given);
  expect(answer.status, answer.text).toBe(200);
}

beforeAll(async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'sluice-test-'));
  await mkdir(join(dataDir, 'policies'), { recursive: true });
  await writeFile(join(dataDir, 'policies', 'hygiene.yaml'), HYGIENE);
  issuer = await startTestIssuer({ name: 'test', tenants: ['acme'], audience: AUDIENCE });
  test = await startTestService({ policy, tenants: ['acme'], dataDir, issuer });
  owner = await test.token(FULL);
  const source = { title: 'S', owner: 'user:test|fay', level: 'public', trust: 'internal' };
  expect((await test.call('PUT', '/v1/sources/s', owner, source)).status).toBe(201);
});
afterAll(async () => {
  await test.stop();
  await issuer.stop();
});

describe('a text that hides tag characters', () => {
  it('is released as external, and as itself once it hides nothing', async () => {
    const document = fresh();
    await stored(document, body(`Aardvarks dig. ${TAGS}`));
    const shown = await ask('aardvarks');
    expect(shown.chunks[0]).toMatchObject({ text: 'Aardvarks dig.', provenance: { label: { trust: 'external' } } });
    expect(shown.label).toMatchObject({ trust: 'external' });
    expect(shown.chunks[0]?.provenance.normalised.removed).toEqual({ tag: 3, bidi: 0, zeroWidth: 0 });
    expect(await record(document)).toMatchObject({
      state: 'live',
      trust: 'external',
      removed: { tag: 3, bidi: 0, zeroWidth: 0 },
      hygiene: { action: 'lowerTrust', accepted: false, trust: 'trusted' },
    });
    await stored(document, body('Aardvarks dig.'));
    expect((await ask('aardvarks')).label).toMatchObject({ trust: 'internal' });
    expect(await record(document)).not.toHaveProperty('hygiene');
  });

  it('stays as it is when it is written again, and internal once an owner accepted it', async () => {
    const document = fresh();
    const given = body(`Badgers dig. ${TAGS}`);
    await stored(document, given);
    expect((await put(document, given)).json()).toMatchObject({ changed: false });
    expect((await ask('badgers')).label).toMatchObject({ trust: 'external' });
    expect((await test.call('PATCH', at(document), owner, { state: 'live' })).status).toBe(200);
    expect((await ask('badgers')).label).toMatchObject({ trust: 'internal' });
    expect((await put(document, given)).json()).toMatchObject({ changed: false });
    expect((await ask('badgers')).label).toMatchObject({ trust: 'internal' });
    expect((await record(document)).hygiene).toMatchObject({ accepted: true });
    // Another text is judged anew.
    await stored(document, body(`Badgers dig deep. ${TAGS}`));
    expect((await ask('badgers')).label).toMatchObject({ trust: 'external' });
  });

  it('may hide them in title, heading, id or URI, which reach the prompt as well', async () => {
    const uri = `https://example.test/${TAGS}`;
    const places: [string, object][] = [
      [fresh(), body('Civets climb.', { title: `Civets${TAGS}` })],
      [fresh(), body(`# Civets${TAGS}\n\nCivets climb.`, { mediaType: 'text/markdown' })],
      [encodeURIComponent(`${fresh()}${TAGS}`), body('Civets climb.')],
      [fresh(), body('Civets climb.', { uri })],
    ];
    for (const [document, given] of places) {
      await stored(document, given);
      expect(await record(document)).toMatchObject({ trust: 'external', hygiene: { action: 'lowerTrust' } });
    }
    const { chunks } = await ask('civets');
    expect(chunks.filter(({ provenance }) => provenance.document.title === 'Civets').length).toBeGreaterThan(0);
    expect(JSON.stringify(chunks.map(({ text, provenance }) => [text, provenance.document.title.replace(/^d\d+/, '')]))).not.toContain(
      'Civets\udb40',
    );
    const [plain] = [fresh()];
    await stored(plain, body('Civets climb.', { title: 'Civets' }));
    expect(await record(plain)).toMatchObject({ trust: 'internal' });
  });
});

describe('a text that is mostly bidirectional controls', () => {
  it('is read by nobody until an owner accepts it', async () => {
    const document = fresh();
    const given = body(`Dingoes howl. ${BIDI}`);
    await stored(document, given);
    expect((await ask('dingoes')).chunks).toEqual([]);
    expect(await record(document)).toMatchObject({
      state: 'quarantined',
      because: ['hidden_characters'],
      hygiene: { action: 'quarantine' },
    });
    const listed = await test.call('GET', '/v1/sources/s/documents?state=quarantined', owner);
    expect(listed.json<{ documents: { document: string }[] }>().documents.map((found) => found.document)).toContain(document);
    expect((await put(document, given)).json()).toMatchObject({ changed: false });
    await test.service.mender.mend();
    expect((await ask('dingoes')).chunks).toEqual([]);
    const writer = await test.token({ sub: 'wendy', client_id: FULL.client_id });
    expect((await test.call('PATCH', at(document), writer, { state: 'live' })).status).toBe(403);
    expect((await test.call('PATCH', at(document), owner, { state: 'live' })).status).toBe(200);
    expect((await ask('dingoes')).chunks).toHaveLength(1);
    expect((await put(document, given)).json()).toMatchObject({ changed: false });
    expect((await ask('dingoes')).chunks).toHaveLength(1);
    expect(await record(document)).toMatchObject({ state: 'live', hygiene: { action: 'quarantine', accepted: true } });
  });

  it('comes free by itself with a text that gives no cause, and not by another reason ending', async () => {
    const document = fresh();
    await stored(document, body(`Echidnas hide. ${BIDI}`, { acl: { allow: ['everyone'], deny: ['user:nobody|x'] } }));
    expect((await record(document)).because).toEqual(['unknown_denies', 'hidden_characters']);
    await stored(document, body(`Echidnas hide. ${BIDI}`));
    expect((await record(document)).because).toEqual(['hidden_characters']);
    expect((await ask('echidnas')).chunks).toEqual([]);
    await stored(document, body('Echidnas hide.'));
    expect(await record(document)).toMatchObject({ state: 'live' });
    expect((await ask('echidnas')).chunks).toHaveLength(1);
  });

  it('stays free where they are few among many', async () => {
    const document = fresh();
    await stored(document, body(`Foxes run. ${BIDI} ${'and run '.repeat(40)}`));
    expect(await record(document)).toMatchObject({ state: 'live', removed: { bidi: 4 } });
    expect(await record(document)).not.toHaveProperty('hygiene');
  });
});

describe('a writer', () => {
  const writing = async (): Promise<string> => test.token({ sub: 'wendy', client_id: FULL.client_id });

  it('may write a lowered document again, and may not raise it', async () => {
    const document = fresh();
    const wendy = await writing();
    const given = body(`Jackals roam. ${TAGS}`, { trust: 'internal' });
    expect((await test.call('PUT', at(document), wendy, given)).status).toBe(200);
    expect(await record(document)).toMatchObject({ trust: 'external', hygiene: { trust: 'internal' } });
    const raised = { ...given, trust: 'trusted' };
    expect((await test.call('PUT', at(document), wendy, raised)).status).toBe(403);
    expect((await test.call('PUT', at(document), wendy, { ...raised, text: 'Jackals roam.' })).status).toBe(403);
    expect((await test.call('PATCH', at(document), wendy, { trust: 'trusted' })).status).toBe(403);
    expect((await test.call('PUT', at(document), wendy, given)).json()).toMatchObject({ changed: false });
    expect((await test.call('PUT', at(document), wendy, { ...given, text: 'Jackals roam.' })).status).toBe(200);
    expect(await record(document)).toMatchObject({ trust: 'internal' });
  });

  it('of less trust than a lowered document was meant to have does not overwrite it', async () => {
    const document = fresh();
    await stored(document, body(`Koalas sleep. ${TAGS}`));
    const xavier = await test.token({ sub: 'xavier', client_id: FULL.client_id });
    for (const text of ['Koalas sleep.', `Koalas sleep. ${TAGS}`]) {
      const answer = await test.call('PUT', at(document), xavier, body(text, { trust: 'external' }));
      expect([answer.status, answer.json<{ code: string }>().code]).toEqual([403, 'trust_too_low']);
    }
    const patched = await test.call('PATCH', at(document), xavier, { metadata: { n: 1 } });
    expect([patched.status, patched.json<{ code: string }>().code]).toEqual([403, 'trust_too_low']);
    expect((await test.call('PUT', at(fresh()), xavier, body('Koalas wake.', { trust: 'external' }))).status).toBe(200);
  });

  it('frees a document that is held back with a text that gives no cause, and not with another title', async () => {
    const document = fresh();
    const wendy = await writing();
    const given = body(`Lemurs leap. ${BIDI}`, { trust: 'internal' });
    expect((await test.call('PUT', at(document), wendy, given)).status).toBe(200);
    expect((await test.call('PATCH', at(document), wendy, { metadata: { n: 1 } })).status).toBe(200);
    expect((await test.call('PUT', at(document), wendy, { ...given, title: 'Lemurs' })).status).toBe(200);
    expect(await record(document)).toMatchObject({ state: 'quarantined' });
    expect((await test.call('PUT', at(document), wendy, { ...given, text: 'Lemurs leap.' })).status).toBe(200);
    expect(await record(document)).toMatchObject({ state: 'live' });
  });
});

describe('the audit log', () => {
  it('counts what was hidden and says what followed', async () => {
    const document = fresh();
    await stored(document, body(`Moles dig. ${TAGS}`));
    await test.call('PATCH', at(document), owner, { state: 'live' });
    const plain = fresh();
    await stored(plain, body('Moles dig.'));
    const events = loggedEvents(test.dataDir, 'acme').filter((event) => JSON.stringify(event.body).includes(`"document":"${document}"`));
    expect(events.map(({ kind }) => kind)).toEqual(['document.published', 'document.changed']);
    const taken = { action: 'lowerTrust', accepted: false };
    expect(events[0]?.body).toMatchObject({ removed: { tag: 3, bidi: 0, zeroWidth: 0 }, hygiene: taken });
    expect(events[1]?.body).toMatchObject({ hygiene: { ...taken, accepted: true } });
    const [last] = loggedEvents(test.dataDir, 'acme').slice(-1);
    expect(last?.body).not.toHaveProperty('removed');
  });
});

describe('what was handed in', () => {
  const original = async (document: string): Promise<Record<string, unknown>> => {
    const answer = await test.call('GET', `${at(document)}/original`, owner);
    expect(answer.status, answer.text).toBe(200);
    return answer.json();
  };

  it.each([
    ['text', 'text/plain', `Geckos\u200b climb e\u0301. ${TAGS}\r\n${BIDI}`],
    ['Markdown', 'text/markdown', `\ufeff---\ntitle: G\u200becko\n---\n\n# Gec\u200bko\n\n${BIDI}climbs \`${TAGS}\``],
    ['HTML', 'text/html', `<title>G</title><p>Gecko\u200b &#8203; climbs</p>`],
  ])('comes back to the byte: %s', async (_what, mediaType, text) => {
    for (const given of [{ text }, { text: undefined, contentBase64: Buffer.from(text, 'utf8').toString('base64') }]) {
      const document = fresh();
      await stored(document, body('', { mediaType, ...given }));
      const { version, original: kept } = (await original(document)) as { version: string; original: { text: string } };
      expect(digestOf(Buffer.from(kept.text, 'utf8'))).toBe(version);
      expect(kept.text).toBe(text);
    }
  });

  it('comes back with its title, and in the chunks of who cut it', async () => {
    const document = fresh();
    const chunks = [{ text: `Hares\u200b run. ${TAGS}` }, { text: 'Hares rest.' }];
    await stored(document, { chunks, title: `Hare\u2060s`, mediaType: 'text/plain', acl: { allow: ['everyone'] } });
    expect(await original(document)).toMatchObject({ original: { title: `Hare\u2060s`, chunks: chunks.map(({ text }) => text) } });
  });

  it('is not kept where nothing was hidden, and is for owners, whose reading is in the log', async () => {
    const document = fresh();
    await stored(document, body('Ibises wade.'));
    expect(await original(document)).not.toHaveProperty('original');
    const writer = await test.token({ sub: 'wendy', client_id: FULL.client_id });
    expect((await test.call('GET', `${at(document)}/original`, writer)).status).toBe(403);
    expect((await test.call('GET', `${at('nothing')}/original`, owner)).status).toBe(404);
    const reads = loggedEvents(test.dataDir, 'acme').filter(({ kind }) => kind === 'document.original-read');
    expect(reads.at(-1)?.body).toMatchObject({ source: 's', by: `user:test|${FULL.sub}`, kept: false });
  });

  it('goes with the erasure of the content', async () => {
    const document = fresh();
    await stored(document, body(`Numbats hide. ${TAGS}`));
    await original(document);
    const rows = (): readonly string[] => {
      const db = new DatabaseSync(join(test.dataDir, 'sluice.sqlite'), { readOnly: true });
      const found = db.prepare('select original from document_versions where original is not null').all();
      db.close();
      return found.map((row) => String(row['original'])).filter((text) => text.includes('Numbats'));
    };
    expect(rows()).toHaveLength(1);
    const erased = await test.call('POST', '/v1/erasures', owner, { reason: 'r', kind: 'content', source: 's', document });
    expect(erased.status, erased.text).toBe(201);
    expect(rows()).toEqual([]);
    expect((await test.call('GET', `${at(document)}/original`, owner)).status).toBe(404);
  });
});

it('a wrong hygiene.yaml keeps the service from starting', async () => {
  const wrong = await mkdtemp(join(tmpdir(), 'sluice-test-'));
  await mkdir(join(wrong, 'policies'), { recursive: true });
  await writeFile(join(wrong, 'policies', 'hygiene.yaml'), 'rules: [{ kind: tag, action: forget }]');
  await expect(startTestService({ policy, tenants: ['acme'], dataDir: wrong, issuer })).rejects.toThrow('hygiene.yaml');
});

it('changed rules reach what is written again, and its writer is told to send it', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'sluice-test-'));
  await mkdir(join(dataDir, 'policies'), { recursive: true });
  const given = body(`Ocelots climb. ${TAGS}`);
  const expected = [
    { rules: 'rules: []', standing: { state: 'live', trust: 'trusted' } },
    { rules: 'rules: [{ kind: tag, action: quarantine }]', standing: { state: 'quarantined', trust: 'trusted' } },
    { rules: 'rules: [{ kind: tag, action: lowerTrust }]', standing: { state: 'live', trust: 'external' } },
    { rules: 'rules: []', standing: { state: 'live', trust: 'trusted' } },
  ];
  for (const [turn, { rules, standing }] of expected.entries()) {
    await writeFile(join(dataDir, 'policies', 'hygiene.yaml'), rules);
    const again = await startTestService({ policy, tenants: ['acme'], dataDir, issuer });
    const token = await again.token(FULL);
    const listed = async (): Promise<readonly object[]> =>
      (await again.call('GET', '/v1/sources/s/documents', token)).json<{ documents: object[] }>().documents;
    const source = { title: 'S', owner: 'user:test|fay', level: 'public', trust: 'trusted' };
    expect((await again.call('PUT', '/v1/sources/s', token, source)).status).toBe(turn === 0 ? 201 : 200);
    expect(await listed()).toEqual(turn === 0 ? [] : [{ document: 'ocelots' }]);
    expect((await again.call('PUT', at('ocelots'), token, given)).status).toBe(200);
    expect(await listed()).toEqual([{ document: 'ocelots', writeDigest: expect.stringMatching(/^sha256:/) as string }]);
    expect((await again.call('GET', at('ocelots'), token)).json()).toMatchObject(standing);
    await again.stop({ keep: turn < expected.length - 1 });
  }
});
