import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.ts';
import type { OpenedSealed } from '../../src/core/ports/audit.ts';
import { digestOf } from '../../src/core/digest.ts';
import { ACME, ADA, AT_ZERO, BOB, event, OTHER, releaseOf, textOf } from '../support/audit-events.ts';
import { withReplica, type AuditWorld } from '../support/audit-fixture.ts';

const LONG = 'All of it is said again and again, so that it can be packed. '.repeat(40);

/** What an event seals is encrypted, stored once where it can be, committed to, and opened for replay. */
export function describeSealed(get: () => AuditWorld): void {
  describe('sealed parts', () => {
    const contents = (opened: OpenedSealed | undefined): readonly unknown[] => {
      const parts = opened === undefined ? [] : [opened.facts, opened.answer, ...opened.texts];
      return parts.map((part) => (part.kind === 'open' ? part.content : part));
    };

    it('come back as they were given, and stand nowhere in the clear', async () => {
      const { audit, database, rows } = get();
      const texts = [textOf('first secret'), textOf(LONG, 'other')];
      const receipt = await audit.append(releaseOf('r1', ADA, texts));
      expect(contents(await audit.sealed(ACME, receipt.index))).toEqual([
        { question: 'why r1' },
        { parts: ['r1'] },
        { text: 'first secret', tag: `"v":1` },
        { text: LONG, tag: `"v":1` },
      ]);
      const [row] = await database.db.selectFrom('audit_sealed').selectAll().execute();
      expect((JSON.parse((await rows())[0]?.body ?? '') as JsonObject)['sealed']).toBe(digestOf(row?.content ?? ''));
      const stored = await database.db.selectFrom('audit_texts').selectAll().execute();
      const bytes = Buffer.concat([row?.content ?? Buffer.alloc(0), ...stored.map(({ content }) => content)]).toString('latin1');
      for (const secret of ['secret', 'why r1', 'said again']) expect(bytes).not.toContain(secret);
      expect(bytes.length).toBeLessThan(LONG.length);
    });

    it('an event without one has none, nor has a place without an event', async () => {
      const { audit } = get();
      await audit.append(event('r1'));
      await audit.append(event('r2', { sealed: { holder: ADA, facts: { a: 1 } } }));
      expect(await audit.sealed(ACME, 0)).toBeUndefined();
      expect(await audit.sealed(ACME, 1)).toEqual({ facts: { kind: 'open', content: { a: 1 } }, answer: { kind: 'none' }, texts: [] });
      expect(await audit.sealed(ACME, 2)).toBeUndefined();
      expect(await audit.sealed(OTHER, 1)).toBeUndefined();
    });

    it('a text is stored once in a tenant and made once, however often it is released and by whomever', async () => {
      const { audit, config, database } = get();
      let made = 0;
      const counted = { ...textOf('said'), content: () => ({ text: `said ${(made += 1) > 0 ? '' : ''}` }) };
      for (const who of [ADA, BOB, ADA]) await audit.append(releaseOf('r', who, [counted]));
      expect(made).toBe(1);
      await withReplica(config, (replica) => replica.audit.append(releaseOf('r', ADA, [counted])));
      expect(made).toBe(2);
      await audit.append({ ...releaseOf('r', ADA, [counted]), tenant: OTHER });
      const stored = await database.db.selectFrom('audit_texts').select(['tenant', 'id']).orderBy('tenant').execute();
      expect(stored.map(({ tenant }) => tenant)).toEqual([ACME, OTHER]);
      expect(stored[0]?.id).not.toBe(stored[1]?.id);
      expect(await audit.verifyChain(ACME)).toMatchObject({ kind: 'intact', size: 4 });
    });

    it('a release that is not written leaves nothing sealed behind, and its text is stored by the next', async () => {
      const { audit, database } = get();
      const moved = await audit.release(releaseOf('r1', ADA, [textOf('said')]), { ...AT_ZERO, tenant: 9 }, 'forever');
      expect(moved).toEqual({ kind: 'epoch-moved' });
      for (const table of ['audit_sealed', 'audit_texts', 'audit_keys'] as const) {
        expect(await database.db.selectFrom(table).selectAll().execute()).toEqual([]);
      }
      expect(await audit.release(releaseOf('r2', ADA, [textOf('said')]), AT_ZERO, 'forever')).toMatchObject({ kind: 'released' });
      expect(contents(await audit.sealed(ACME, 0))).toContainEqual({ text: 'said', tag: `"v":1` });
    });

    it('with a change in its own transaction come with it or not at all', async () => {
      const { audit, database } = get();
      await database.transaction((tx) => audit.sink(tx, releaseOf('r1', ADA, [textOf('said')])));
      expect(contents(await audit.sealed(ACME, 0))).toContainEqual({ question: 'why r1' });
      const failure = new Error('change of mind');
      const change = database.transaction(async (tx) => {
        await audit.sink(tx, releaseOf('r2', BOB, [textOf('never')]));
        throw failure;
      });
      await expect(change).rejects.toBe(failure);
      expect(await database.db.selectFrom('audit_sealed').select('idx').execute()).toHaveLength(1);
      expect(await database.db.selectFrom('audit_texts').select('id').execute()).toHaveLength(1);
    });

    it('of 64 at once open, each its own', async () => {
      const { audit } = get();
      const receipts = await Promise.all(
        Array.from({ length: 64 }, (_, n) => audit.append(releaseOf(`r${n}`, n % 2 === 0 ? ADA : BOB, [textOf(`text ${n % 5}`)]))),
      );
      for (const [n, { index }] of receipts.entries()) {
        const opened = await audit.sealed(ACME, index);
        expect(contents(opened)).toEqual([{ question: `why r${n}` }, { parts: [`r${n}`] }, { text: `text ${n % 5}`, tag: `"v":1` }]);
      }
      expect(await audit.verifyChain(ACME)).toMatchObject({ kind: 'intact', size: 64 });
    });

    it('one too large is refused, and its neighbour written', async () => {
      const { audit } = get();
      const large = event('large', { sealed: { holder: ADA, facts: { x: 'y'.repeat(17_000_000) } } });
      const [refused, written] = await Promise.allSettled([audit.append(large), audit.append(event('small'))]);
      expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'audit_unavailable' } });
      expect(written).toMatchObject({ status: 'fulfilled', value: { index: 0 } });
    });
  });
}
