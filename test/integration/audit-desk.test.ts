import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantId } from '../../src/core/ids.ts';
import { sluice, type Ended } from '../support/command.ts';
import { readContract, type Contract } from '../support/contract.ts';
import { allow, FULL, policyOfHolders } from '../support/rights.ts';
import { startTestService, type TestService } from '../support/service.ts';

interface Event {
  readonly index: number;
  readonly kind: string;
  readonly requestId: string;
  readonly body: Readonly<Record<string, unknown>>;
}
interface Page {
  readonly events: readonly Event[];
  readonly next?: string;
}

let test: TestService;
let contract: Contract;
let auditor = '';
let reader = '';
/** Audits what is public in one source. */
let narrow = '';
const shown = { open: '', both: '' };

const POLICY = [
  policyOfHolders('acme'),
  policyOfHolders('globex'),
  // By name, so that they hold nothing over the tenant.
  allow('user:test|owner', 'acme', 'audit', 'wiki', 'upto:public'),
  allow('client:test|desk', 'acme', 'audit'),
].join('\n');
const SOURCE = { title: 'Wiki', owner: 'group:test|owners', level: 'public', compartments: [], trust: 'trusted' };
const DOCUMENT = { title: 'Harbour', mediaType: 'text/plain', text: 'The harbour is deep.', acl: { allow: ['everyone'] } };

async function events(token: string, query: string): Promise<readonly Event[]> {
  const found: Event[] = [];
  let cursor: string | undefined;
  do {
    const answer = await test.call('GET', `/v1/audit/events?${query}${cursor === undefined ? '' : `&cursor=${cursor}`}`, token);
    expect(answer.status, answer.text).toBe(200);
    const page = answer.json<Page & Record<string, unknown>>();
    expect(contract.issues('listAuditEvents', 200, page)).toEqual([]);
    found.push(...page.events);
    cursor = page.next;
  } while (cursor !== undefined);
  return found;
}

async function ask(token: string, query: string): Promise<string> {
  const answer = await test.call('POST', '/v1/retrieve', token, { query });
  expect(answer.status, answer.text).toBe(200);
  return answer.json<{ requestId: string }>().requestId;
}

beforeAll(async () => {
  test = await startTestService({ policy: POLICY, tenants: ['acme', 'globex'] });
  contract = await readContract(test);
  auditor = await test.token({ ...FULL });
  reader = await test.token({ sub: 'ada', client_id: FULL.client_id });
  narrow = await test.token({ sub: 'owner', client_id: 'desk' });
  const made = async (path: string, body: object): Promise<void> => {
    const answer = await test.call('PUT', path, auditor, body);
    expect(answer.status, answer.text).toBeLessThan(300);
  };
  await made('/v1/sources/wiki', SOURCE);
  await made('/v1/sources/vault', { ...SOURCE, level: 'restricted' });
  await made('/v1/sources/wiki/documents/harbour', DOCUMENT);
  await made('/v1/sources/wiki/documents/secret', { ...DOCUMENT, text: 'The harbour has a tunnel.', level: 'restricted' });
  await made('/v1/sources/vault/documents/tunnel', { ...DOCUMENT, title: 'Keeper', text: 'The lighthouse keeper knows.' });
  const full = await test.token({ ...FULL });
  shown.both = await ask(full, 'harbour');
  shown.open = await ask(full, 'lighthouse');
  const changed = await test.call('PATCH', '/v1/sources/wiki/documents/harbour', auditor, {
    acl: { allow: ['everyone', 'group:test|crew'] },
  });
  expect(changed.status, changed.text).toBeLessThan(300);
  await ask(reader, 'harbour');
});
afterAll(() => test.stop());

describe('the auditor’s questions', () => {
  it('say who was shown a document, also right after it was', async () => {
    expect((await events(auditor, 'document=wiki/harbour&kind=release')).map(({ requestId }) => requestId)).toEqual([shown.both]);
    expect((await events(auditor, 'document=harbour&source=wiki&kind=release')).map(({ requestId }) => requestId)).toEqual([shown.both]);
    expect((await events(auditor, 'document=vault/tunnel&kind=release')).map(({ requestId }) => requestId)).toEqual([shown.open]);
    expect(await events(auditor, 'document=wiki/nothing')).toEqual([]);
  });

  it('say what somebody’s prompts were shown, what a source reached and what changed an ACL', async () => {
    const asked = await events(auditor, 'subject=user:test|fay&kind=release&limit=1');
    expect(asked.map(({ requestId }) => requestId)).toEqual([shown.both, shown.open]);
    expect((await events(auditor, 'source=vault&kind=release')).map(({ requestId }) => requestId)).toEqual([shown.open]);
    expect(await events(auditor, 'source=vault&kind=release&to=2020-01-01T00:00:00Z')).toEqual([]);
    const changes = await events(auditor, 'document=wiki/harbour&kind=document.*');
    expect(changes.map(({ kind }) => kind)).toEqual(['document.published', 'document.changed']);
    expect(changes[1]?.body).toMatchObject({ by: 'user:test|fay', document: 'harbour' });
  });

  it('count what an application received', async () => {
    const summary = (await test.call('GET', '/v1/audit/summary?client=client:test|full', auditor)).json();
    expect(contract.issues('summariseAudit', 200, summary)).toEqual([]);
    const { answers, sources } = summary as unknown as {
      answers: readonly { label: { level: string } | null }[];
      sources: readonly { source: string; declared: { level: string }; chunks: number }[];
    };
    expect(answers.map(({ label }) => label?.level)).toContain('restricted');
    const counts = sources.map(({ source, declared, chunks }) => `${source} ${declared.level} ${chunks}`);
    expect(counts).toEqual(expect.arrayContaining(['wiki public 1', 'wiki restricted 1']));
    expect((await test.call('GET', '/v1/audit/summary?client=client:test|nobody', auditor)).json()).toMatchObject({
      releases: 0,
      chunks: 0,
    });
  });

  it('are events themselves, which no answer waits for', async () => {
    const before = (await events(auditor, 'kind=audit.read&limit=1000')).length;
    const all = await events(auditor, 'limit=3');
    expect(all.map(({ index }) => index)).toEqual(all.map((_, at) => at));
    const reads = await events(auditor, 'kind=audit.read&limit=1000');
    // One for each page, none of them in the answer that it was for.
    expect(reads.length - before).toBe(Math.ceil(all.length / 3) + 1);
    const named = await events(auditor, 'kind=audit.read&subject=user:test|fay');
    expect(named.map(({ body }) => body['question'])).toContainEqual({ subject: 'user:test|fay', kinds: ['release'] });
  });

  it('refuse what they do not understand, whether or not there is such a thing', async () => {
    for (const query of [
      'subject=nobody',
      'subject=group:test|crew',
      'client=user:test|ada',
      'kind=nonsense',
      'document=x',
      'limit=0',
      'limit=1001',
      'cursor=x',
      'nonsense=1',
      'from=yesterday',
    ]) {
      expect((await test.call('GET', `/v1/audit/events?${query}`, auditor)).status, query).toBe(400);
    }
    const first = (await test.call('GET', '/v1/audit/events?limit=1', auditor)).json<Page & Record<string, unknown>>();
    const other = await test.token({ ...FULL, tenant: 'globex' });
    for (const [token, query] of [
      [auditor, 'limit=1&kind=release'],
      [other, 'limit=1'],
    ] as const) {
      expect((await test.call('GET', `/v1/audit/events?${query}&cursor=${first.next}`, token)).status).toBe(400);
    }
  });

  it('are each tenant’s own', async () => {
    const other = await test.token({ ...FULL, tenant: 'globex' });
    const text = JSON.stringify(await events(other, 'limit=1000'));
    expect(text).not.toContain('harbour');
    expect(text).not.toContain('acme');
    expect(await events(other, 'document=wiki/harbour')).toEqual([]);
  });
});

describe('an auditor of one source', () => {
  it('is shown their chunks and nothing that speaks of others', async () => {
    const [release, ...rest] = await events(narrow, 'kind=release');
    expect(rest).toEqual([]);
    expect(release).toMatchObject({
      requestId: shown.both,
      body: { counts: null, label: null, context: null, chunks: [{ document: 'harbour' }] },
    });
    expect(JSON.stringify(await events(narrow, 'limit=1000'))).not.toMatch(/secret|tunnel|vault/);
    expect((await events(narrow, 'source=wiki')).map(({ kind }) => kind)).toEqual([
      'source.put',
      'document.published',
      'release',
      'document.changed',
    ]);
  });

  it('cannot tell what is hidden from what is not there', async () => {
    const answers = await Promise.all(
      ['document=wiki/secret', 'document=wiki/never', 'document=vault/tunnel', 'document=none/x', 'source=vault', 'source=none'].map(
        async (query) => (await test.call('GET', `/v1/audit/events?${query}`, narrow)).text,
      ),
    );
    expect(new Set(answers)).toEqual(new Set(['{"events":[]}']));
    expect(await events(auditor, 'document=wiki/secret&kind=release')).toHaveLength(1);
  });

  it('gets the same in exports, and nothing of the log as a whole', async () => {
    const csv = await test.call('GET', '/v1/audit/export?format=csv', narrow);
    expect(csv.text).toContain('harbour');
    expect(csv.text).not.toMatch(/secret|tunnel|vault/);
    for (const path of [
      'export',
      'checkpoint',
      'checkpoints',
      'proof/inclusion?index=0',
      'proof/consistency?from=1&to=2',
      'proof/complete?source=wiki',
      'tile/0/000.p/1',
    ]) {
      expect((await test.call('GET', `/v1/audit/${path}`, narrow)).status, path).toBe(403);
    }
  });
});

describe('exports and proofs', () => {
  const run = (...args: readonly string[]): Promise<Ended> => sluice(args, { SLUICE_URL: test.url, SLUICE_TOKEN: auditor });

  it('are checked without the service, and a changed letter is found', async () => {
    const [log, note, keys] = ['log.jsonl', 'checkpoint.txt', 'keys.json'].map((name) => join(test.dataDir, name)) as [
      string,
      string,
      string,
    ];
    await writeFile(keys, (await test.call('GET', '/.well-known/jwks.json', undefined)).text);
    await writeFile(note, (await run('audit', 'checkpoint', '--fresh')).out);
    const exported = await run('audit', 'export', '--out', log);
    expect(exported.code, exported.err).toBe(0);
    const verified = await sluice(['audit', 'verify', log, '--checkpoint', note, '--key', keys], {});
    expect(verified.code, verified.out + verified.err).toBe(0);
    // As docs/audit.md says it: the last checkpoint of the export, for a log that went on since the one that was kept.
    const last = (await readFile(log, 'utf8')).split('\n').findLast((line) => line.startsWith('{"checkpoint"')) ?? '';
    await writeFile(note, (JSON.parse(last) as { checkpoint: string }).checkpoint);
    const whole = await sluice(['audit', 'verify', log, '--checkpoint', note, '--key', keys, '--complete'], {});
    expect(whole.code, whole.out + whole.err).toBe(0);
    await writeFile(log, (await readFile(log, 'utf8')).replace('"document.changed"', '"document.chanted"'));
    expect((await sluice(['audit', 'verify', log, '--checkpoint', note, '--key', keys], {})).code).toBe(1);
  });

  it('prove that an event is there, that a log goes on, and that these are all', async () => {
    const fresh = (await test.call('GET', '/v1/audit/checkpoint?fresh=true', auditor, undefined, { accept: 'application/json' })).json<{
      size: number;
    }>();
    expect(contract.issues('getAuditCheckpoint', 200, fresh)).toEqual([]);
    const inclusion = await run('--json', 'audit', 'prove', 'inclusion', '1', '--size', String(fresh.size));
    expect(inclusion.code, inclusion.err).toBe(0);
    expect(inclusion.json()).toMatchObject({ index: 1, size: fresh.size });
    expect((await run('audit', 'prove', 'consistency', '1', String(fresh.size))).code).toBe(0);
    const complete = await run('--json', 'audit', 'prove', 'complete', '--document', 'wiki/harbour');
    expect(complete.code, complete.err).toBe(0);
    expect(contract.issues('proveComplete', 200, complete.json())).toEqual([]);
    const { proofs } = complete.json<{ proofs: readonly { proof: { positions: readonly number[] } }[] }>();
    const known = await events(auditor, 'document=wiki/harbour&kind=release');
    expect(proofs.flatMap(({ proof }) => proof.positions)).toEqual(known.map(({ index }) => index));
    expect((await run('audit', 'prove', 'inclusion', '999999')).code).toBe(1);
    const keys = join(test.dataDir, 'proof-keys.json');
    await writeFile(keys, (await test.call('GET', '/.well-known/jwks.json', undefined)).text);
    const check = async (proof: string): Promise<number | null> => {
      const file = join(test.dataDir, 'proof.json');
      await writeFile(file, proof);
      return (await sluice(['verify', 'proof', file, '--key', keys], {})).code;
    };
    const nobody = await run('audit', 'prove', 'complete', '--subject', 'user:test|nobody');
    expect(nobody.out).toContain('"positions": []');
    for (const { out } of [inclusion, complete, nobody]) expect(await check(out)).toBe(0);
    // Nothing in place of all, another place, another name.
    interface Saved {
      proofs: { pseudonym?: { name: string }; proof: { positions: number[]; leaves: string[] } }[];
    }
    const changed = (change: (saved: Saved['proofs'][number]) => void): string => {
      const saved = JSON.parse(complete.out) as Saved;
      const last = saved.proofs.at(-1);
      if (last !== undefined) change(last);
      return JSON.stringify(saved);
    };
    expect(await check(changed(() => undefined))).toBe(0);
    expect(await check(changed(({ proof }) => Object.assign(proof, { positions: [], leaves: [] })))).toBe(1);
    expect(await check(changed(({ pseudonym }) => Object.assign(pseudonym ?? {}, { name: 'another' })))).toBe(1);
    expect(await check(JSON.stringify({ ...inclusion.json(), index: 2 }))).toBe(1);
  });

  it('tell of themselves in the log', async () => {
    expect((await events(auditor, 'kind=audit.exported')).map(({ body }) => body['format'])).toContain('csv');
  });

  it('are read on the command line', async () => {
    const text = await run('audit', 'events', '--document', 'wiki/harbour', '--kind', 'release');
    expect(text.out).toContain('user:test|fay through client:test|full');
    const lines = (await run('--json', 'audit', 'events', '--source', 'wiki', '--all')).out.trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as Event).kind)).toContain('document.changed');
    expect((await run('audit', 'summary', '--client', 'client:test|full')).out).toContain('wiki: public, trusted');
    expect((await run('audit', 'events', '--from', 'soon')).code).toBe(2);
    expect((await run('audit', 'export', '--format', 'pdf')).code).toBe(2);
    // Refused before its first byte: there is nothing that could be taken for a part of it.
    const out = join(test.dataDir, 'refused.jsonl');
    expect((await run('audit', 'export', '--document', 'wiki/harbour', '--out', out)).err).toContain('ocsf and csv take every filter');
    expect((await readdir(test.dataDir)).filter((name) => name.startsWith('refused'))).toEqual([]);
    expect((await run('audit', 'prove', 'consistency', '9', '3')).err).toContain('query/to');
  });

  it('stop when a client goes, and the next one is served', async () => {
    const tenant = 'globex' as TenantId;
    const body = { by: 'client:test|full', note: 'x'.repeat(20_000) };
    await Promise.all(
      Array.from({ length: 400 }, (_, at) =>
        test.service.stores.audit.append({ tenant, kind: 'honey.changed', requestId: `r-${at}`, body }),
      ),
    );
    const token = await test.token({ ...FULL, tenant: 'globex' });
    const answer = await fetch(`${test.url}/v1/audit/export?format=csv`, { headers: { authorization: `Bearer ${token}` } });
    const stream = answer.body?.getReader();
    await stream?.read();
    // The client goes: the service reads no further, and serves the next one.
    await stream?.cancel();
    const whole = await test.call('GET', '/v1/audit/export?format=ocsf', token);
    expect(whole.text.trim().split('\n').length).toBeGreaterThan(400);
  });
});
