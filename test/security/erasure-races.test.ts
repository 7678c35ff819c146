import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Caller } from '../../src/core/caller.ts';
import type { SourceId, TenantId } from '../../src/core/ids.ts';
import type { SealedReads } from '../../src/core/ports/audit.ts';
import type { Principal } from '../../src/core/principal.ts';
import { createStages, type Stages } from '../../src/evidence/stages.ts';
import { startReplicas, type Deployment, type Replicas } from '../support/replicas.ts';
import { allow } from '../support/rights.ts';
import type { Answer } from '../support/service.ts';

const ACME = 'acme' as TenantId;
const TOP = 'upto:restricted+people';
const POLICY = [
  ...['retrieve', 'ingest', 'label', 'audit', 'replay', 'administer'].map((action) =>
    allow('client:test|assistant', 'acme', action, '*', TOP),
  ),
  allow('everyone', 'acme', 'retrieve', '*', TOP),
  ...['ingest', 'label', 'audit', 'administer', 'replay'].map((action) => allow('user:test|olga', 'acme', action, '*', TOP)),
].join('\n');
const ROUNDS = 4;

interface Asked {
  readonly id: string;
  readonly texts: readonly string[];
}

describe.each<Deployment>(['sqlite', 'postgres'])('an erasure and what happens beside it, on %s', (deployment) => {
  let replicas: Replicas;
  const call = async (sub: string, method: string, path: string, body?: unknown, on: 'a' | 'b' = 'a'): Promise<Answer> =>
    replicas[on].call(method, path, await replicas.issuer.sign({ sub, groups: [] }), body);
  const write = (document: string, text: string, on: 'a' | 'b' = 'a'): Promise<Answer> =>
    call('olga', 'PUT', `/v1/sources/s/documents/${document}`, { text, mediaType: 'text/plain', acl: { allow: ['everyone'] } }, on);
  const ask = async (query: string, sub = 'anna', on: 'a' | 'b' = 'b'): Promise<Asked> => {
    const answer = await call(sub, 'POST', '/v1/retrieve', { query }, on);
    expect(answer.status, answer.text).toBe(200);
    const { requestId, chunks } = answer.json<{ requestId: string; chunks: { text: string }[] }>();
    return { id: requestId, texts: chunks.map(({ text }) => text) };
  };
  const erase = (what: object): Promise<Answer> => call('olga', 'POST', '/v1/erasures', { reason: 'asked to', ...what });
  const replayed = async (id: string): Promise<string> =>
    String((await call('olga', 'GET', `/v1/requests/${id}/replay?reason=r`)).headers['sluice-replay']);
  const placeOf = async (id: string): Promise<number> =>
    (await replicas.a.service.stores.audit.byRequest(ACME, id)).find(({ kind }) => kind === 'release')?.index ?? -1;
  const db = () => replicas.a.service.stores.database.db;

  /** Asks until told to stop, on both replicas. */
  const asking = (query: string, sub = 'anna') => {
    const asked: Asked[] = [];
    let stopped = false;
    const loop = async (on: 'a' | 'b'): Promise<void> => {
      while (!stopped) asked.push(await ask(query, sub, on));
    };
    const loops = Promise.all([loop('a'), loop('b'), loop('b')]);
    const atLeast = async (count: number): Promise<void> => {
      const wanted = asked.length + count;
      while (asked.length < wanted) await new Promise((resolve) => void setTimeout(resolve, 5));
    };
    return {
      asked,
      atLeast,
      async stop() {
        stopped = true;
        await loops;
      },
    };
  };

  beforeAll(async () => {
    replicas = await startReplicas(deployment, POLICY);
    const source = { title: 'S', owner: 'group:test|o', level: 'public', compartments: [], trust: 'trusted' };
    expect((await call('olga', 'PUT', '/v1/sources/s', source)).status).toBe(201);
  });
  afterAll(() => replicas.stop());

  it('ends in one order: every release of the text is before it, and erased with it', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const text = `Merganser ${round}: slate roof of the old chapel.`;
      expect((await write(`race-${round}`, text)).status).toBe(200);
      const stream = asking('merganser slate roof chapel');
      await stream.atLeast(6);
      const answer = await erase({ kind: 'content', source: 's', document: `race-${round}` });
      expect(answer.status, answer.text).toBe(201);
      const { index } = answer.json<{ receipt: { index: number } }>().receipt;
      // What begins from here on does not see it.
      expect((await ask('merganser slate roof chapel')).texts).toEqual([]);
      await stream.atLeast(6);
      await stream.stop();
      const shown = stream.asked.filter(({ texts }) => texts.includes(text));
      expect(shown.length).toBeGreaterThan(0);
      for (const { id } of shown) {
        expect(await placeOf(id)).toBeLessThan(index);
        expect(await replayed(id)).toBe('erased');
      }
      const keys = await db().selectFrom('audit_keys').select('name').where('kind', 'in', ['content', 'document']).execute();
      expect(keys.filter(({ name }) => name.includes(`race-${round}"`))).toEqual([]);
    }
  });

  /** Reports, with an erasure between what is read of the release and what is written. */
  const interrupted = (erasure: () => Promise<unknown>): Stages => {
    const { audit, catalog } = replicas.a.service.stores;
    let done = false;
    const sealed: SealedReads = {
      erasures: (tenant) => audit.erasures(tenant),
      async sealed(tenant, index) {
        const opened = await audit.sealed(tenant, index);
        if (!done) await erasure();
        done = true;
        return opened;
      },
    };
    return createStages({ audit, catalog, sealed, clock: { now: () => Date.now() }, windowMs: 3_600_000 });
  };
  const caller = (sub: string): Caller => ({
    tenant: ACME,
    issuer: 'test',
    user: { kind: 'user', principal: `user:test|${sub}` as Principal, groups: [], guest: false },
    client: 'client:test|assistant' as Principal,
    actor: { kind: 'none' },
    actorChain: [],
    scopes: new Set(['retrieve']),
    tokenDigest: 'ab'.repeat(32),
    expiresAt: 4_000_000_000,
  });
  const prompted = async (requestId: string) => {
    const released = (await replicas.a.service.stores.audit.byRequest(ACME, requestId)).find(({ kind }) => kind === 'release');
    const chunks = ((released?.body['chunks'] ?? []) as { readonly chunk: string }[]).map(({ chunk }) => chunk);
    return { stage: 'admitted', requestId, chunks, prompt: { kind: 'text', text: 'a prompt' } } as const;
  };

  it('of a text while a report of it is written leaves no digest of the prompt that it was in', async () => {
    await write('reported', 'Turnstone: iron rail of the jetty.');
    const { id } = await ask('turnstone iron rail');
    const stages = interrupted(() => erase({ kind: 'content', source: 's', document: 'reported' }));
    expect(await stages.report(caller('anna'), await prompted(id))).toMatchObject({ recorded: true });
    const [admitted] = (await replicas.a.service.stores.audit.byRequest(ACME, id)).filter(({ kind }) => kind === 'admitted');
    expect(admitted?.body).toMatchObject({ prompt: 'erased' });
    const keys = await db().selectFrom('audit_keys').select('name').where('name', 'like', '%"reported"%').execute();
    expect(keys).toEqual([]);
  });

  it('of a caller while their report is written does not put their new name beside their old request', async () => {
    await write('steady-too', 'Phalarope: walnut stair of the tower.');
    const { id } = await ask('phalarope walnut stair', 'uwe');
    const stages = interrupted(() => erase({ kind: 'caller', principal: 'user:test|uwe' }));
    await expect(stages.report(caller('uwe'), await prompted(id))).rejects.toMatchObject({ code: 'not_found' });
    const events = await replicas.a.service.stores.audit.byRequest(ACME, id);
    expect(JSON.stringify(events)).not.toContain('uwe');
  });

  it('of a caller divides what they asked: before it nothing is theirs any more, after it they are somebody new', async () => {
    await write('steady', 'Shearwater: marble step of the quay.');
    const stream = asking('shearwater marble quay', 'ivo');
    await stream.atLeast(6);
    const answer = await erase({ kind: 'caller', principal: 'user:test|ivo' });
    expect(answer.status, answer.text).toBe(201);
    const { index } = answer.json<{ receipt: { index: number } }>().receipt;
    await stream.atLeast(6);
    await stream.stop();
    for (const { id } of stream.asked) expect(await replayed(id)).toBe((await placeOf(id)) < index ? 'erased' : 'exact');
    const named = await Promise.all(
      stream.asked.map(async ({ id }) => {
        const [intent] = await replicas.b.service.stores.audit.byRequest(ACME, id);
        return [(intent?.index ?? 0) > index, intent?.body['user']] as const;
      }),
    );
    for (const [after, user] of named) expect(user).toMatch(after ? /^user:test\|ivo$/ : /^erased:/);
  });

  it('beside a write leaves the new text whole, or none', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const document = `written-${round}`;
      await write(document, `Avocet ${round}: first copper gutter.`);
      const [erased, written] = await Promise.all([
        erase({ kind: 'content', source: 's', document }),
        write(document, `Avocet ${round}: second copper gutter.`, 'b'),
      ]);
      expect([201, 409]).toContain(erased.status);
      expect([200, 409]).toContain(written.status);
      const { texts } = await ask(`avocet ${round} copper gutter`);
      const mine = texts.filter((one) => one.startsWith(`Avocet ${round}`));
      const live = await replicas.a.service.stores.catalog.document(ACME, 's' as SourceId, document as never);
      expect(mine).toEqual(live === undefined ? [] : [`Avocet ${round}: second copper gutter.`]);
      const versions = await db().selectFrom('document_versions').select('text').where('text', 'like', `Avocet ${round}: first%`).execute();
      expect(erased.status === 201 ? versions : []).toEqual([]);
    }
  });

  it('and a hold at the same moment: one of them comes first', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const what = { kind: 'content', source: 's', document: `held-${round}` };
      await write(what.document, `Dotterel ${round}: granite sill.`);
      const [erased, held] = await Promise.all([erase(what), call('olga', 'POST', '/v1/legal-holds', { ...what, reason: 'a case' }, 'b')]);
      expect(held.status).toBe(201);
      const { texts } = await ask(`dotterel ${round} granite sill`);
      expect(texts.includes(`Dotterel ${round}: granite sill.`)).toBe(erased.status === 409);
    }
  });

  it('holds while the index cannot be written, which forgets it once it can', async () => {
    await write('index', 'Whimbrel: basalt weir of the mill.');
    const key = (await replicas.a.service.stores.catalog.document(ACME, 's' as SourceId, 'index' as never))?.key;
    // Of this document alone: a write that lost a race above leaves staged points, which are swept after ten minutes.
    const points = async (): Promise<boolean> =>
      (await replicas.disagreements(ACME, 's' as SourceId)).includes(`nobody's points: ${String(key)}`);
    replicas.refuseWrites();
    try {
      expect((await erase({ kind: 'content', source: 's', document: 'index' })).status).toBe(201);
      expect((await ask('whimbrel basalt weir')).texts).toEqual([]);
      await replicas.a.service.mender.mend();
      expect(await points()).toBe(true);
    } finally {
      replicas.mendIndex();
    }
    await replicas.a.service.mender.mend();
    expect(await points()).toBe(false);
    const dead = await db().selectFrom('chunks').select('chunk').where('state', '=', 'dead').execute();
    expect(dead).toEqual([]);
  });
});
