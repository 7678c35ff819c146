import { beforeEach, describe, expect, it } from 'vitest';
import { createAudit, type Audit } from '../../src/audit/audit.ts';
import { leafBytes, leafHash } from '../../src/audit/leaf.ts';
import type { AppError } from '../../src/core/errors.ts';
import type { TenantId } from '../../src/core/ids.ts';
import type { AuditEvent } from '../../src/core/ports/audit.ts';
import type { EpochStamp } from '../../src/core/ports/catalog.ts';
import { silentTelemetry } from '../../src/core/ports/telemetry.ts';
import type { Database } from '../../src/database/database.ts';
import { openDatabase, type DatabaseConfig } from '../../src/database/open-database.ts';
import { ACME, AT_ZERO, event, OTHER, PATIENT } from '../support/audit-events.ts';
import { auditWorld } from '../support/audit-fixture.ts';
import { describeCrashes } from './audit-crash.contract.ts';
import { describeErasure } from './audit-erasure.contract.ts';
import { describeNames } from './audit-names.contract.ts';
import { describeSealed } from './audit-sealed.contract.ts';
import { describeTables } from './audit-tables.contract.ts';
import { describeUpgrade } from './audit-upgrade.contract.ts';
import { describeVerification } from './audit-verify.contract.ts';

/** What the audit promises, whatever the database. `fresh` names a new, empty database each time. */
export function auditContract(name: string, fresh: () => Promise<DatabaseConfig>): void {
  describe(`audit on ${name}`, () => {
    const get = auditWorld(fresh);
    let config: DatabaseConfig;
    let database: Database;
    let audit: Audit;
    beforeEach(() => {
      ({ config, database, audit } = get());
    });

    const moveEpoch = (scope: string): Promise<unknown> =>
      database.transaction((tx) =>
        tx
          .updateTable('epochs')
          .set((eb) => ({ epoch: eb('epoch', '+', 1) }))
          .where('scope', '=', scope)
          .execute(),
      );
    const rowsOf = (tenant: TenantId) => get().rows(tenant);

    describe('append', () => {
      it('gives each tenant its own contiguous log and finds a request again', async () => {
        const first = await audit.append(event('r1', { body: { b: 'ü\u0000"', a: [1, 2.5, null] } }));
        const second = await audit.append(event('r1', { kind: 'release' }));
        const foreign = await audit.append(event('r1', { tenant: OTHER }));
        expect([first.index, second.index, foreign.index]).toEqual([0, 1, 0]);
        const found = await audit.byRequest(ACME, 'r1');
        expect(found.map(({ kind, index, leaf }) => ({ kind, index, leaf }))).toEqual([
          { kind: 'intent', index: 0, leaf: first.leaf },
          { kind: 'release', index: 1, leaf: second.leaf },
        ]);
        expect(found[0]?.body).toEqual({ a: [1, 2.5, null], b: 'ü\u0000"' });
        expect(new Date(found[0]?.at ?? '').toISOString()).toBe(found[0]?.at);
        expect(await audit.byRequest(ACME, 'r2')).toEqual([]);
      });

      it('is followed by positions, kinds and tenants', async () => {
        for (const kind of ['intent', 'release', 'intent', 'release', 'release'] as const) await audit.append(event('r1', { kind }));
        await audit.append(event('r1', { tenant: OTHER, kind: 'release' }));
        expect(await audit.sizes()).toEqual(
          new Map([
            [ACME, 5],
            [OTHER, 1],
          ]),
        );
        const positions = async (from: number, to: number) => (await audit.between(ACME, from, to, ['release'])).map(({ index }) => index);
        expect(await positions(0, 5)).toEqual([1, 3, 4]);
        expect(await positions(2, 4)).toEqual([3]);
        expect(await positions(5, 9)).toEqual([]);
        const others = async (...except: readonly number[]) =>
          (await audit.between(ACME, 0, 5, ['release'], new Set(except))).map(({ index }) => index);
        expect(await others(0, 3, 9)).toEqual([1, 4]);
        expect(await others(1, 3, 4)).toEqual([]);
      });

      it('commits to every field of the event and to its salt', async () => {
        await audit.append(event('r1'));
        const [row] = await rowsOf(ACME);
        if (row === undefined) throw new Error('no row');
        expect(row.salt).toMatch(/^[0-9a-f]{32}$/);
        expect(leafHash(row)).toBe(row.leaf);
        const changes = { tenant: 'x', idx: 9, at: 9, kind: 'x', request_id: 'x', body: '{}', salt: '00' };
        for (const [field, value] of Object.entries(changes)) expect(leafHash({ ...row, [field]: value })).not.toBe(row.leaf);
        expect(JSON.parse(leafBytes(row))).toMatchObject({ v: 2, tenant: 'acme', index: 0, requestId: 'r1' });
      });

      it('writes 64 at once in far fewer transactions, each with a place of its own', async () => {
        let transactions = 0;
        const counting: Database = {
          ...database,
          transaction: (run, options) => {
            transactions += 1;
            return database.transaction(run, options);
          },
        };
        const grouped = createAudit({ database: counting, telemetry: silentTelemetry, limits: PATIENT });
        const receipts = await Promise.all(Array.from({ length: 64 }, (_, n) => grouped.append(event(`r${n}`))));
        expect(receipts.map((receipt) => receipt.index)).toEqual(Array.from({ length: 64 }, (_, n) => n));
        expect(transactions).toBeLessThanOrEqual(3);
        expect(await audit.verifyChain(ACME)).toMatchObject({ kind: 'intact', size: 64 });
      });

      it('refuses what cannot be recorded faithfully and records the rest', async () => {
        const poisoned: AuditEvent[] = [
          event('bad', { body: { x: '\ud800' } }),
          event('bad', { body: { x: Number.NaN } }),
          event('bad\0'),
          event(''),
          event('x'.repeat(300)),
          event('bad', { kind: 'nonsense' as 'intent' }),
          event('bad', { body: { x: 'y'.repeat(2_000_000) } }),
        ];
        const results = await Promise.allSettled([event('good'), ...poisoned, event('also good')].map((e) => audit.append(e)));
        expect(results.map((result) => result.status)).toEqual(['fulfilled', ...poisoned.map(() => 'rejected'), 'fulfilled']);
        const codes = results.flatMap((result) => (result.status === 'rejected' ? [(result.reason as AppError).code] : []));
        expect(new Set(codes)).toEqual(new Set(['audit_unavailable']));
        expect((await rowsOf(ACME)).map((row) => row.request_id)).toEqual(['good', 'also good']);
      });

      it('one tenant whose log is damaged does not take the others with it', async () => {
        await audit.append(event('r1'));
        await audit.append(event('r2'));
        await database.transaction((tx) => tx.updateTable('audit_heads').set({ size: 1 }).where('tenant', '=', ACME).execute());
        const [damaged, healthy] = await Promise.allSettled([audit.append(event('r3')), audit.append(event('r3', { tenant: OTHER }))]);
        expect(damaged).toMatchObject({ status: 'rejected', reason: { code: 'audit_unavailable' } });
        expect(healthy).toMatchObject({ status: 'fulfilled', value: { index: 0 } });
      });

      it('holds a bounded number of events, and takes more once they are written', async () => {
        const small = createAudit({ database, telemetry: silentTelemetry, limits: { maxQueue: 4 } });
        const results = await Promise.allSettled(Array.from({ length: 6 }, (_, n) => small.append(event(`r${n}`))));
        expect(results.map((result) => result.status)).toEqual([...Array<string>(4).fill('fulfilled'), 'rejected', 'rejected']);
        expect(results[5]).toMatchObject({ reason: { code: 'audit_unavailable' } });
        await expect(small.append(event('later'))).resolves.toMatchObject({ index: 4 });
        const narrow = createAudit({ database, telemetry: silentTelemetry, limits: { maxQueuedText: 10 } });
        await expect(narrow.append(event('long', { body: { x: '0123456789' } }))).rejects.toMatchObject({ code: 'audit_unavailable' });
        await expect(narrow.append(event('short'))).resolves.toMatchObject({ index: 5 });
      });

      it('gives up at its deadline, and what had not begun is never written', async () => {
        const hasty = createAudit({ database, telemetry: silentTelemetry, limits: { deadlineMs: 300 } });
        const gate = Promise.withResolvers<void>();
        const held = Promise.withResolvers<void>();
        const holder = database.transaction(async (tx) => {
          await audit.sink(tx, event('holder'));
          held.resolve();
          await gate.promise;
        });
        await held.promise;
        const late = await Promise.allSettled([hasty.append(event('late1')), hasty.append(event('late2'))]);
        for (const result of late) expect(result).toMatchObject({ status: 'rejected', reason: { code: 'audit_unavailable' } });
        gate.resolve();
        await holder;
        await audit.append(event('after'));
        expect((await rowsOf(ACME)).map((row) => row.request_id)).toEqual(['holder', 'after']);
      });
    });

    describe('release', () => {
      it('is written while the epoch stands, and not after the tenant or the whole deployment moved', async () => {
        expect(await audit.release(event('r1', { kind: 'release' }), AT_ZERO, 'forever')).toMatchObject({ kind: 'released' });
        await moveEpoch(ACME);
        expect(await audit.release(event('r2', { kind: 'release' }), AT_ZERO, 'forever')).toEqual({ kind: 'epoch-moved' });
        const now: EpochStamp = { ...AT_ZERO, tenant: 1 };
        expect(await audit.release(event('r3', { kind: 'release' }), now, 'forever')).toMatchObject({ kind: 'released' });
        await moveEpoch('*');
        expect(await audit.release(event('r4', { kind: 'release' }), now, 'forever')).toEqual({ kind: 'epoch-moved' });
        expect(await audit.release(event('r5', { kind: 'release', tenant: OTHER }), AT_ZERO, 'forever')).toEqual({ kind: 'epoch-moved' });
        expect((await rowsOf(ACME)).map((row) => row.request_id)).toEqual(['r1', 'r3']);
      });

      it('is not written for a tenant without an epoch row', async () => {
        const nowhere = 'nowhere' as TenantId;
        expect(await audit.release(event('r', { tenant: nowhere }), AT_ZERO, 'forever')).toEqual({ kind: 'epoch-moved' });
        expect(await rowsOf(nowhere)).toEqual([]);
      });

      it('ignores the generation, which moves without a revocation', async () => {
        const stamp: EpochStamp = { ...AT_ZERO, generation: 99 };
        expect(await audit.release(event('r1', { kind: 'release' }), stamp, 'forever')).toMatchObject({ kind: 'released' });
      });

      it('is not written once the validity has ended', async () => {
        const { at } = (await audit.append(event('now')).then(() => rowsOf(ACME)))[0] ?? { at: 0 };
        expect(await audit.release(event('r1', { kind: 'release' }), AT_ZERO, at)).toEqual({ kind: 'validity-ended' });
        expect(await audit.release(event('r2', { kind: 'release' }), AT_ZERO, at + 600_000)).toMatchObject({ kind: 'released' });
        expect((await rowsOf(ACME)).map((row) => row.request_id)).toEqual(['now', 'r2']);
      });

      it('one that may not go out leaves its neighbours in the batch alone', async () => {
        const outcomes = await Promise.all([
          audit.release(event('r1'), AT_ZERO, 'forever'),
          audit.release(event('r2'), { ...AT_ZERO, tenant: 7 }, 'forever'),
          audit.append(event('r3')),
          audit.release(event('r4'), AT_ZERO, 1),
          audit.release(event('r5', { tenant: OTHER }), AT_ZERO, 'forever'),
        ]);
        expect(outcomes.map((outcome) => ('kind' in outcome ? outcome.kind : outcome.index))).toEqual([
          'released',
          'epoch-moved',
          1,
          'validity-ended',
          'released',
        ]);
        expect((await rowsOf(ACME)).map((row) => row.request_id)).toEqual(['r1', 'r3']);
      });

      it('waits for a revocation under way and then does not go out', async () => {
        const gate = Promise.withResolvers<void>();
        const moved = Promise.withResolvers<void>();
        const revocation = database.transaction(async (tx) => {
          await tx.updateTable('epochs').set({ epoch: 1 }).where('scope', '=', ACME).execute();
          await audit.sink(tx, event('revocation', { kind: 'document.changed' }));
          moved.resolve();
          await gate.promise;
        });
        await moved.promise;
        const outcome = audit.release(event('r1', { kind: 'release' }), AT_ZERO, 'forever');
        gate.resolve();
        await revocation;
        expect(await outcome).toEqual({ kind: 'epoch-moved' });
        expect((await rowsOf(ACME)).map((row) => row.kind)).toEqual(['document.changed']);
      });

      it('over two replicas, none judged before a revocation stands behind it in the log', async () => {
        const second = await openDatabase(config);
        try {
          const replicas = [
            { database, audit },
            { database: second, audit: createAudit({ database: second, telemetry: silentTelemetry, limits: PATIENT }) },
          ];
          const revoke = (of: { database: Database; audit: Audit }, n: number): Promise<unknown> =>
            of.database.transaction(async (tx) => {
              const row = await tx
                .updateTable('epochs')
                .set((eb) => ({ epoch: eb('epoch', '+', 1) }))
                .where('scope', '=', ACME)
                .returning('epoch')
                .executeTakeFirstOrThrow();
              await of.audit.sink(tx, event(`revoke${n}`, { kind: 'document.changed', body: { epoch: row.epoch } }));
            });
          const read = async (of: { database: Database; audit: Audit }, n: number): Promise<string> => {
            const { epoch } = await of.database.db.selectFrom('epochs').select('epoch').where('scope', '=', ACME).executeTakeFirstOrThrow();
            const stamp: EpochStamp = { ...AT_ZERO, tenant: epoch };
            return (await of.audit.release(event(`read${n}`, { kind: 'release', body: { epoch } }), stamp, 'forever')).kind;
          };
          const work = replicas.flatMap((replica) =>
            Array.from({ length: 4 }, async (_, worker) => {
              const kinds: string[] = [];
              for (let n = 0; n < 15; n += 1) {
                if (n % 5 === worker) await revoke(replica, n);
                kinds.push(await read(replica, n));
              }
              return kinds;
            }),
          );
          const kinds = (await Promise.all(work)).flat();
          expect(kinds).toContain('released');
          let epoch = 0;
          for (const row of await rowsOf(ACME)) {
            const body = JSON.parse(row.body) as { epoch: number };
            if (row.kind === 'document.changed') epoch = body.epoch;
            expect(body.epoch).toBe(epoch);
          }
          expect(await audit.verifyChain(ACME)).toMatchObject({ kind: 'intact' });
        } finally {
          await second.close();
        }
      });
    });

    describe('sink', () => {
      it('writes with the change or not at all', async () => {
        await database.transaction((tx) => audit.sink(tx, event('kept')));
        const failure = new Error('change of mind');
        await expect(
          database.transaction(async (tx) => {
            await audit.sink(tx, event('lost'));
            throw failure;
          }),
        ).rejects.toBe(failure);
        await audit.append(event('next'));
        expect((await rowsOf(ACME)).map((row) => row.request_id)).toEqual(['kept', 'next']);
        expect(await audit.verifyChain(ACME)).toMatchObject({ kind: 'intact', size: 2 });
      });
    });

    describeNames(get);
    describeSealed(get);
    describeErasure(get);
    describeVerification(get);
    describeTables(get);
    describeUpgrade(get, fresh);
    describeCrashes(get);

    it('answers audit_unavailable once the database is closed', async () => {
      const closed = await openDatabase(config);
      const orphan = createAudit({ database: closed, telemetry: silentTelemetry });
      await orphan.append(event('before'));
      await closed.close();
      await expect(orphan.append(event('r'))).rejects.toMatchObject({ code: 'audit_unavailable' });
      await expect(orphan.release(event('r'), AT_ZERO, 'forever')).rejects.toMatchObject({ code: 'audit_unavailable' });
      await expect(orphan.byRequest(ACME, 'r')).rejects.toMatchObject({ code: 'audit_unavailable' });
      await expect(orphan.verifyChain(ACME)).rejects.toMatchObject({ code: 'audit_unavailable' });
    });
  });
}
