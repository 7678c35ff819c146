import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  documentsIn,
  HIDDEN,
  OPEN,
  problemIn,
  put,
  retrieve,
  startFaultyParts,
  notReady,
  type FaultyParts,
} from '../support/faulty-parts.ts';
import { PASS, type Reaction } from '../support/http-proxy.ts';
import { HANDBOOK } from '../support/marked-client.ts';

let parts: FaultyParts;
beforeAll(async () => {
  parts = await startFaultyParts();
});
afterAll(() => parts.stop());
afterEach(() => parts.recover());

describe('a part that fails during a request', () => {
  /**
   * Resolves when the next intent is written and the service knows it: it is written while the index searches, and what fails after it
   * has to wait for it. In the database it can be seen a moment earlier.
   */
  function declared(): Promise<void> {
    const { audit } = parts.test.service.stores;
    const { append } = audit;
    const written = Promise.withResolvers<void>();
    const telling: typeof append = async (event) => {
      const receipt = await append(event);
      if (event.kind === 'intent') written.resolve();
      return receipt;
    };
    Object.assign(audit, { append: telling });
    return written.promise.finally(() => Object.assign(audit, { append }));
  }

  /** Holds the search of the next request until `go`; `reached` resolves when it is there. */
  function holdSearch(): { readonly reached: Promise<void>; go(reaction: Reaction): void } {
    const reached = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<Reaction>();
    parts.index.react(({ path }) => {
      if (!path.includes('/points/query')) return PASS;
      reached.resolve();
      return gate.promise;
    });
    return { reached: reached.promise, go: (reaction) => gate.resolve(reaction) };
  }

  it.each([{ kind: 'cut' }, { kind: 'answer', status: 200, body: '{"status":"ok"' }] as const)(
    'Qdrant fails in a search: $kind',
    async (how) => {
      const held = holdSearch();
      const answer = retrieve(parts);
      await held.reached;
      held.go(how);
      // A torn connection is tried once more, as a stale one would be; the second attempt tears, too.
      expect(problemIn(await answer)).toBe('503 index_unavailable');
      parts.index.mend();
    },
  );

  it.each([
    { name: 'goes', begin: () => parts.database.cut() },
    { name: 'stalls', begin: () => parts.database.stall() },
    { name: 'answers rubbish', begin: () => parts.database.garble() },
  ])('the database $name while the index searches: nothing is released', async ({ begin }) => {
    const [held, intent] = [holdSearch(), declared()];
    const answer = retrieve(parts);
    await Promise.all([held.reached, intent]);
    begin();
    held.go(PASS);
    expect(problemIn(await answer)).toBe('503 catalog_unavailable');
    parts.database.mend();
    parts.index.mend();
  });

  /** Nobody can write to the log while another session holds this. Resolves with what lets go. */
  async function lockAudit(): Promise<() => Promise<void>> {
    const client = new pg.Client({ connectionString: parts.databaseUrl });
    await client.connect();
    await client.query('begin; lock table audit_heads in access exclusive mode');
    return () => client.end();
  }

  it('the audit log cannot take the intent: nothing is judged', async () => {
    const unlock = await lockAudit();
    expect(problemIn(await retrieve(parts))).toBe('503 audit_unavailable');
    // A change carries its event in its own transaction, so it is not made either.
    const { test, loader } = parts;
    expect(problemIn(await test.call('PATCH', HANDBOOK, loader, { level: 'restricted' }))).toBe('503 catalog_unavailable');
    await unlock();
    expect((await test.call('GET', HANDBOOK, loader)).json()).toMatchObject({ level: 'internal' });
    parts.index.mend();
  });

  it('the audit log cannot take the release: nothing leaves', async () => {
    const [held, intent] = [holdSearch(), declared()];
    const answer = retrieve(parts);
    await Promise.all([held.reached, intent]);
    const unlock = await lockAudit();
    held.go(PASS);
    expect(problemIn(await answer)).toBe('503 audit_unavailable');
    await unlock();
    parts.index.mend();
    expect(await parts.test.telemetry.registry.metrics()).toMatch(/^sluice_audit_failures_total [1-9]/m);
    // The database answers, so only the metric and the log tell.
    expect(await notReady(parts.test)).toEqual([]);
    expect(parts.logged.join('')).toContain('the audit log could not be written');
  });

  it('the database is put back to an earlier day: refused until its epoch is what was seen', async () => {
    const client = new pg.Client({ connectionString: parts.databaseUrl });
    await client.connect();
    const move = (by: number) =>
      client.query('update epochs set epoch = epoch + $1, generation = generation + $1 where scope = $2', [by, 'acme']);
    try {
      expect(documentsIn(await retrieve(parts))).toEqual([OPEN.document]);
      await move(-1);
      expect(problemIn(await retrieve(parts))).toBe('503 epoch_rolled_back');
      expect(problemIn(await put(parts, 'new'))).toBe('503 epoch_rolled_back');
      await move(1);
      expect(documentsIn(await retrieve(parts))).toEqual([OPEN.document]);
    } finally {
      await client.end();
    }
  });

  it('the active policy revision is altered behind our back: nobody takes it over', async () => {
    const client = new pg.Client({ connectionString: parts.databaseUrl });
    await client.connect();
    const alter = (from: string, to: string) => client.query('update policy_revisions set lines = replace(lines, $1, $2)', [from, to]);
    try {
      await alter('upto:restricted', 'upto:public');
      await expect(parts.another()).rejects.toThrow('a stored policy revision was altered');
      // What runs goes on with what it has read and checked.
      expect(documentsIn(await retrieve(parts))).toEqual([OPEN.document]);
      await alter('upto:public', 'upto:restricted');
      await (await parts.another()).stop();
    } finally {
      await client.end();
    }
  });

  it.each([{ kind: 'cut' }, { kind: 'answer', status: 503, body: '' }] as const)('the embedding server fails: $kind', async (how) => {
    const reached = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<Reaction>();
    parts.embedding.react(() => {
      reached.resolve();
      return gate.promise;
    });
    const answers = Promise.all([retrieve(parts), put(parts, 'new')]);
    await reached.promise;
    gate.resolve(how);
    for (const answer of await answers) expect(problemIn(answer)).toBe('503 embedding_unavailable');
    parts.embedding.mend();
  });

  it('Qdrant goes between the chunks of a document: nothing of it is shown, and the same write completes it', async () => {
    const text = Array.from({ length: 400 }, (_, n) => `${HIDDEN.marker}${'bdfgk'[n % 5]} paragraph ${n}. ${OPEN.text.slice(0, 700)}`).join(
      '\n\n',
    );
    let writes = 0;
    parts.index.react(({ path, method }) => {
      if (method !== 'PUT' || !path.includes('/points')) return PASS;
      writes += 1;
      return writes > 1 ? { kind: 'cut' } : PASS;
    });
    const question = { query: `${HIDDEN.marker}b`, limit: 5 };
    expect(problemIn(await put(parts, 'long', text))).toBe('503 index_unavailable');
    expect(writes).toBeGreaterThan(1);
    parts.index.mend();
    const staged = await parts.test.call('POST', '/v1/retrieve', parts.reader, question);
    expect(staged.text).not.toContain('paragraph');
    expect((await put(parts, 'long', text)).json()).toMatchObject({ changed: true });
    const found = await parts.test.call('POST', '/v1/retrieve', parts.reader, question);
    expect(found.json<{ chunks: unknown[] }>().chunks).toHaveLength(5);
    expect((await parts.test.call('DELETE', `${HANDBOOK}/documents/long`, parts.loader)).status).toBe(204);
  });
});

describe('an index that lies', () => {
  async function chunksOf(document: string): Promise<readonly string[]> {
    const client = new pg.Client({ connectionString: parts.databaseUrl });
    await client.connect();
    const { rows } = await client.query<{ chunk: string }>(
      `select c.chunk from chunks c join documents d on d.tenant = c.tenant and d.key = c.key where d.document = $1 and c.state = 'live'`,
      [document],
    );
    await client.end();
    return rows.map(({ chunk }) => chunk);
  }

  it('cannot make the service release what the caller may not read, or what does not exist', async () => {
    const [secret, right] = await Promise.all([chunksOf(HIDDEN.document), chunksOf(OPEN.document)]);
    expect(secret.length).toBeGreaterThan(0);
    const ids = [...secret, randomUUID(), right[0] ?? ''];
    const points = ids.map((id, rank) => ({ id, score: 100 - rank }));
    parts.index.react(({ path }) =>
      path.includes('/points/query') ? { kind: 'answer', status: 200, body: JSON.stringify({ status: 'ok', result: { points } }) } : PASS,
    );
    const answer = await parts.test.call('POST', '/v1/retrieve', parts.reader, { query: HIDDEN.marker, limit: 100 });
    expect(documentsIn(answer)).toEqual([OPEN.document]);
    expect(answer.json<{ chunks: { id: string }[] }>().chunks.map(({ id }) => id)).toEqual([right[0]]);
    expect(answer.text).not.toContain(HIDDEN.marker);
    const metrics = await parts.test.telemetry.registry.metrics();
    expect(metrics).toMatch(/sluice_hits_unknown_total [1-9]/);
    expect(metrics).toMatch(/sluice_hits_refused_total\{reason="acl-gate"\} [1-9]/);
    parts.index.mend();
  });
});
