import { describe, expect, it } from 'vitest';
import type { DocumentId, SourceId } from '../../src/core/ids.ts';
import { AppError } from '../../src/core/errors.ts';
import type { Principal } from '../../src/core/principal.ts';
import {
  ACME,
  attributesOf,
  chunkIds,
  CHANGE,
  contentOf,
  GLOBEX,
  HANDBOOK,
  keyOf,
  label,
  policy,
  PUBLIC_ACL,
  sourceAttributes,
  the,
} from '../support/catalog-fixture.ts';
import type { GetWorld } from './catalog.contract.ts';

/** How many were fulfilled; every other one must be a conflict. */
async function winners(attempts: readonly Promise<unknown>[]): Promise<number> {
  const results = await Promise.allSettled(attempts);
  const codes = results.flatMap((r) => (r.status === 'rejected' ? [r.reason instanceof AppError ? r.reason.code : String(r.reason)] : []));
  expect(codes).toEqual(codes.map(() => 'conflict'));
  return results.length - codes.length;
}

export function describeRaces(get: GetWorld): void {
  describe('concurrent writers', () => {
    const eventsOf = async (kind: string) => {
      const rows = await get().database.db.selectFrom('audit_events').select('kind').where('tenant', '=', ACME).execute();
      return rows.filter((row) => row.kind === kind).length;
    };

    it('lets exactly one make a document', async () => {
      const { catalog, replica } = get();
      const replicas = [catalog, await replica(), await replica()];
      const key = keyOf(ACME, HANDBOOK, 'd');
      const write = async (n: number) => {
        const own = the(replicas[n % replicas.length]);
        const attributes = attributesOf({ title: `from ${n}` });
        await own.reserve(ACME, HANDBOOK, attributes.declared, attributes.acl);
        const content = contentOf(key, 1, [`text ${n}`]);
        await own.stage(ACME, key, content);
        const input = { tenant: ACME, source: HANDBOOK, document: 'd' as DocumentId, key, expected: 'absent' } as const;
        return own.publish({ ...input, attributes, content, change: CHANGE });
      };
      expect(await winners(Array.from({ length: 9 }, (_, n) => write(n)))).toBe(1);
      expect(await eventsOf('document.published')).toBe(1);
      const stored = await catalog.document(ACME, HANDBOOK, 'd' as DocumentId);
      const all = Array.from({ length: 9 }, (_, n) => chunkIds(contentOf(key, 1, [`text ${n}`]))).flat();
      const { candidates } = await catalog.candidates(ACME, all);
      const live = [...candidates.values()].filter(({ state }) => state === 'live');
      expect(live.map(({ text, title }) => [text, title])).toEqual([[stored?.title.replace('from', 'text'), stored?.title]]);
    });

    it('lets exactly one change, replace or delete at a revision', async () => {
      const { catalog, replica, put } = get();
      const other = await replica();
      const { key } = await put('d');
      const content = contentOf(key, 2, ['replaced']);
      await catalog.stage(ACME, key, content);
      const publish = { tenant: ACME, source: HANDBOOK, document: 'd' as DocumentId, key, expected: 1, content, change: CHANGE };
      const attempts = [
        catalog.change(key, ACME, 1, attributesOf({ title: 'a' }), CHANGE),
        other.change(key, ACME, 1, attributesOf({ acl: { gates: [], deny: [] } }), CHANGE),
        catalog.publish({ ...publish, attributes: attributesOf() }),
        other.deleteDocument(key, ACME, 1, CHANGE),
        other.change(key, ACME, 1, attributesOf({ title: 'b' }), CHANGE),
      ];
      expect(await winners(attempts)).toBe(1);
      expect(await catalog.nextRevision(ACME, key)).toBe(3);
    });

    it('lets exactly one make again what was deleted', async () => {
      const { catalog, replica, put } = get();
      const other = await replica();
      const { key } = await put('d');
      await catalog.deleteDocument(key, ACME, 1, CHANGE);
      // Both saw that it was deleted, however late one of them comes.
      const seen = { expected: 'absent' } as const;
      expect(await winners([put('d', { catalog, ...seen }), put('d', { catalog: other, paragraphs: ['other'], ...seen })])).toBe(1);
      expect(await catalog.nextRevision(ACME, key)).toBe(4);
    });

    it('lets exactly one put a source, activate a policy, make a tenant or throw a switch', async () => {
      const { catalog, replica } = get();
      const pair = [catalog, await replica()] as const;
      const fresh = 'fresh' as SourceId;
      expect(await winners(pair.map((c) => c.putSource(ACME, fresh, sourceAttributes(), 'absent', CHANGE)))).toBe(1);
      const relabel = sourceAttributes({ label: label('restricted') });
      expect(await winners(pair.map((c) => c.putSource(ACME, fresh, relabel, 1, CHANGE)))).toBe(1);
      expect(await winners(pair.map((c, n) => c.activatePolicy(ACME, policy(`p${n}`), 'first', CHANGE)))).toBe(1);
      expect(await winners(pair.map((c) => c.createTenant('initech' as typeof ACME, policy('x'), CHANGE)))).toBe(1);
      expect(await winners(pair.map((c) => c.throwSwitch(ACME, { kind: 'source', id: fresh }, 'r', CHANGE)))).toBe(1);
      expect(await winners(pair.map((c) => c.liftSwitch(ACME, { kind: 'source', id: fresh }, CHANGE)))).toBe(1);
      expect(await winners(pair.map((c) => c.deleteSource(ACME, fresh, 2, CHANGE)))).toBe(1);
      expect(await catalog.tenants()).toEqual([ACME, GLOBEX, 'initech']);
    });

    it('gives every principal one number and every label of a source one zone', async () => {
      const { catalog, replica } = get();
      const pair = [catalog, await replica()] as const;
      const names = Array.from({ length: 40 }, (_, n) => `group:idp|g${n % 10}` as Principal);
      const reserved = await Promise.all(
        names.map((name, n) => the(pair[n % 2]).reserve(ACME, HANDBOOK, label('public', [`c${n % 4}`]), { gates: [[name]], deny: [] })),
      );
      const numbers = new Map(names.map((name, n) => [name, the(reserved[n]).acl.gates]));
      reserved.forEach(({ acl }, n) => expect(acl.gates).toEqual(numbers.get(the(names[n]))));
      expect(new Set([...numbers.values()].flat(2)).size).toBe(10);
      expect(new Set(reserved.map(({ zone }) => zone)).size).toBe(4);
    });

    it('and releases beside them neither lock each other out nor straddle a revocation', async () => {
      const { catalog, replica, put, audit, stamp, database } = get();
      const other = await replica();
      for (let n = 0; n < 4; n += 1) await put(`d${n}`);
      const release = async (n: number) => {
        const judgedAt = await stamp(n % 2 === 0 ? catalog : other);
        const event = { tenant: ACME, kind: 'release', requestId: `r${n}`, body: { epoch: judgedAt.tenant + judgedAt.global } } as const;
        return audit.release(event, judgedAt, 'forever');
      };
      const work: Promise<unknown>[] = [];
      for (let n = 0; n < 24; n += 1) {
        const own = n % 2 === 0 ? catalog : other;
        const user = { kind: 'user', id: `user:idp|u${n}` as Principal } as const;
        work.push(release(n));
        if (n % 3 === 0) work.push(own.throwSwitch(ACME, user, 'r', CHANGE));
        if (n % 6 === 1)
          work.push(own.change(keyOf(ACME, HANDBOOK, `d${(n - 1) / 6}`), ACME, 1, attributesOf({ state: 'quarantined' }), CHANGE));
        if (n % 5 === 0) work.push(put(`new${n}`, { catalog: own, attributes: { declared: label('internal', [`c${n}`]) } }));
      }
      const results = await Promise.allSettled([...work, catalog.throwSwitch(ACME, { kind: 'all' }, 'r', CHANGE)]);
      expect(results.filter(({ status }) => status === 'rejected')).toEqual([]);
      // In the order of the log, no release was judged at an epoch older than the revocations recorded before it.
      const events = await database.db
        .selectFrom('audit_events')
        .select(['kind', 'body'])
        .where('tenant', '=', ACME)
        .orderBy('idx')
        .execute();
      let revocations = 1;
      let releases = 0;
      for (const { kind, body } of events) {
        if (kind === 'switch.thrown' || kind === 'document.changed') revocations += 1;
        if (kind !== 'release') continue;
        releases += 1;
        expect((JSON.parse(body) as { epoch: number }).epoch).toBe(revocations);
      }
      expect(revocations).toBe(1 + 8 + 4 + 1);
      const outcomes = results.map((r) => (r.status === 'fulfilled' ? (r.value as { kind?: string } | undefined)?.kind : undefined));
      expect(releases).toBe(outcomes.filter((kind) => kind === 'released').length);
    });

    it('never leaves a live document in a source that was deleted meanwhile', async () => {
      const { catalog, replica, put } = get();
      const other = await replica();
      await put('first');
      const puts = Array.from({ length: 6 }, (_, n) => put(`d${n}`, { catalog: n % 2 === 0 ? catalog : other }));
      const deletion = other.deleteSource(ACME, HANDBOOK, 1, CHANGE);
      const results = await Promise.allSettled([...puts, deletion]);
      expect(results.at(-1)?.status).toBe('fulfilled');
      while (await catalog.purgeSources(2));
      const left = await get().database.db.selectFrom('documents').select('state').where('tenant', '=', ACME).execute();
      expect(new Set(left.map(({ state }) => state))).toEqual(new Set(['deleted']));
      await catalog.putSource(ACME, HANDBOOK, sourceAttributes(), 'absent', CHANGE);
      expect(await catalog.listDocuments(ACME, HANDBOOK, undefined, 10)).toEqual([]);
      await catalog.reserve(ACME, HANDBOOK, label('public'), PUBLIC_ACL);
    });
  });
}
