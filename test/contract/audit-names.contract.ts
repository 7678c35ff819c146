import { describe, expect, it } from 'vitest';
import { createAudit } from '../../src/audit/audit.ts';
import { pseudonymOf } from '../../src/core/pseudonym.ts';
import { named, namedDocument } from '../../src/core/audit-names.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { silentTelemetry } from '../../src/core/ports/telemetry.ts';
import { ACME, ADA, AT_ZERO, BOB, event, HANDBOOK, OTHER, TOOL } from '../support/audit-events.ts';
import { withReplica, type AuditWorld } from '../support/audit-fixture.ts';

/** Whoever an event names stands in the log under a pseudonym, and readers get the name back. */
export function describeNames(get: () => AuditWorld): void {
  describe('names', () => {
    const about = (user: string, document: string): JsonObject => ({
      user: named(user),
      through: TOOL,
      chunks: [{ source: HANDBOOK, document: namedDocument(HANDBOOK, document) }],
    });

    it('of people and documents are stored nowhere in the log, and readers see them', async () => {
      const { audit, rows } = get();
      await audit.append(event('r1', { body: about(ADA, 'leave "of" absence') }));
      await audit.release(event('r1', { kind: 'release', body: about(ADA, 'leave "of" absence') }), AT_ZERO, 'forever');
      const stored = await rows();
      for (const { body } of stored) {
        expect(body).not.toContain(ADA);
        expect(body).not.toContain('absence');
        expect(body).toContain(TOOL);
      }
      const plain = { user: ADA, through: TOOL, chunks: [{ source: HANDBOOK, document: 'leave "of" absence' }] };
      expect((await audit.byRequest(ACME, 'r1')).map(({ body }) => body)).toEqual([plain, plain]);
      expect((await audit.between(ACME, 0, 9, ['release'])).map(({ body }) => body)).toEqual([plain]);
      expect(await audit.verifyChain(ACME)).toMatchObject({ kind: 'intact', size: 2 });
    });

    it('have one pseudonym in a tenant, made with a key of their own, and another one in the next tenant', async () => {
      const { audit, database } = get();
      for (const tenant of [ACME, ACME, OTHER]) await audit.append(event('r', { tenant, body: about(ADA, 'd') }));
      const keys = await database.db.selectFrom('audit_keys').selectAll().orderBy('tenant').orderBy('kind').execute();
      expect(keys.map(({ tenant, kind, name }) => [tenant, kind, name])).toEqual(
        [ACME, OTHER].flatMap((tenant) => [
          [tenant, 'document', JSON.stringify([HANDBOOK, 'd'])],
          [tenant, 'person', ADA],
        ]),
      );
      expect(new Set(keys.map(({ pseudonym }) => pseudonym)).size).toBe(4);
      for (const row of keys) {
        expect(row.key).toHaveLength(32);
        expect(pseudonymOf(row, row.key)).toBe(row.pseudonym);
      }
    });

    it('are made with the event or not at all', async () => {
      const { audit, database } = get();
      const failure = new Error('change of mind');
      const change = database.transaction(async (tx) => {
        await audit.sink(tx, event('lost', { body: about(ADA, 'd') }));
        throw failure;
      });
      await expect(change).rejects.toBe(failure);
      expect(await audit.release(event('r', { body: about(BOB, 'd') }), { ...AT_ZERO, tenant: 7 }, 'forever')).toEqual({
        kind: 'epoch-moved',
      });
      expect(await database.db.selectFrom('audit_keys').selectAll().execute()).toEqual([]);
      await audit.append(event('kept', { body: about(BOB, 'd') }));
      expect((await audit.byRequest(ACME, 'kept'))[0]?.body).toMatchObject({ user: BOB });
    });

    it('that two replicas meet at the same time get one key', async () => {
      const { audit, config, database } = get();
      await withReplica(config, async (replica) => {
        const people = Array.from({ length: 20 }, (_, n) => `user:test|p${n}`);
        await Promise.all(
          people.flatMap((user) => [audit, replica.audit].map((one) => one.append(event(user, { body: about(user, `d-${user}`) })))),
        );
        for (const user of people) {
          const found = await audit.byRequest(ACME, user);
          expect(found.map(({ body }) => body['user'])).toEqual([user, user]);
        }
        const keys = await database.db.selectFrom('audit_keys').select('name').execute();
        expect(keys).toHaveLength(40);
      });
      expect(await audit.verifyChain(ACME)).toMatchObject({ kind: 'intact', size: 40 });
    });

    it('cannot be forged by what else a body says', async () => {
      const { audit, rows } = get();
      const odd = { '@person': 7, '@document': ['only one'], both: { '@person': ADA, more: 1 } } as unknown as JsonObject;
      await audit.append(event('r', { body: { odd, text: '{"@person":"x"}' } }));
      expect(JSON.parse((await rows())[0]?.body ?? '')).toEqual({ odd, text: '{"@person":"x"}' });
      // Words in a body that look like a gap of the template, or like a pseudonym, stay words.
      const known = createAudit({ database: get().database, telemetry: silentTelemetry, random: (size) => Buffer.alloc(size, 7) });
      const body = { word: '07'.repeat(24), name: named(ADA) };
      await known.append(event('r2', { body }));
      expect((await known.byRequest(ACME, 'r2'))[0]?.body).toEqual({ ...body, name: ADA });
    });
  });
}
