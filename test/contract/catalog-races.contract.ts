import { describe, expect, it } from 'vitest';
import type { DocumentId, SourceId } from '../../src/core/ids.ts';
import { AppError } from '../../src/core/errors.ts';
import type { Principal } from '../../src/core/principal.ts';
import {
  ACME,
  attributesOf,
  CHANGE,
  contentOf,
  GLOBEX,
  HANDBOOK,
  keyOf,
  label,
  policy,
  PUBLIC_ACL,
  sourceAttributes,
} from '../support/catalog-fixture.ts';
import type { GetWorld } from './catalog.contract.ts';

/** How many were fulfilled; every other one must be a conflict. */
async function winners(attempts: readonly Promise<unknown>[]): Promise<number> {
  const results = await Promise.allSettled(attempts);
  const codes = results.flatMap((r) => (r.status === 'rejected' ? [r.reason instanceof AppError ? r.reason.code : r.reason] : []));
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
        const own = replicas[n % replicas.length]!;
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
      const all = Array.from({ length: 9 }, (_, n) => contentOf(key, 1, [`text ${n}`]).chunks[0]!.chunk);
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
      expect(await winners([put('d', { catalog }), put('d', { catalog: other, paragraphs: ['other'] })])).toBe(1);
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
        names.map((name, n) => pair[n % 2]!.reserve(ACME, HANDBOOK, label('public', [`c${n % 4}`]), { gates: [[name]], deny: [] })),
      );
      const numbers = new Map(names.map((name, n) => [name, reserved[n]!.acl.gates[0]![0]]));
      reserved.forEach(({ acl }, n) => expect(acl.gates).toEqual([[numbers.get(names[n]!)]]));
      expect(new Set(numbers.values()).size).toBe(10);
      expect(new Set(reserved.map(({ zone }) => zone)).size).toBe(4);
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
