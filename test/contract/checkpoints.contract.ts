import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Audit } from '../../src/audit/audit.ts';
import { LeaseLost, holdLease, takeLease } from '../../src/audit/checkpoints/lease.ts';
import { readNote } from '../../src/audit/checkpoints/make-note.ts';
import { addOrigin, originId } from '../../src/audit/checkpoints/origins.ts';
import type { OutsidePlace } from '../../src/audit/checkpoints/settings.ts';
import { storeCheckpoint } from '../../src/audit/checkpoints/stored.ts';
import { sweepIntents } from '../../src/audit/checkpoints/sweep.ts';
import { FencedOff } from '../../src/audit/index/fence.ts';
import { dropIndex, indexBatch, settleMap } from '../../src/audit/index/index-step.ts';
import type { LogAndIndex } from '../../src/audit/index/open-index.ts';
import type { Gauge } from '../../src/core/ports/telemetry.ts';
import { createFrontier } from '../../src/core/tlog/frontier.ts';
import { noteVerifier, openNote, parseVerifierKey } from '../../src/core/tlog/note-keys.ts';
import type { AuditEventRow } from '../../src/database/audit-tables.ts';
import type { DatabaseConfig } from '../../src/database/open-database.ts';
import { modelOf, rowsOf, storeLog, type Drawn } from '../property/audit-index-model.ts';
import { testKey } from '../support/evidence-parts.ts';
import { ACME, sequencerWorld } from '../support/sequencer-world.ts';
import { startObjectStore, startWitness } from '../support/witness.ts';

const CHILD = fileURLToPath(new URL('../support/evidence-child.ts', import.meta.url));

function drawn(count: number): readonly Drawn[] {
  const kinds = ['intent', 'release', 'document.changed', 'audit.read'] as const;
  return Array.from({ length: count }, (_, n) => ({ kind: kinds[n % 4] ?? 'intent', person: n % 7, documents: [n % 31, n % 13], v: 2 }));
}

function rootOf(rows: readonly AuditEventRow[], size: number): string {
  const tree = createFrontier();
  for (const { leaf } of rows.slice(0, size)) tree.append(Buffer.from(leaf, 'hex'));
  return Buffer.from(tree.root()).toString('hex');
}

/** What the sequencer promises, whatever the database. `fresh` names a new, empty database each time. */
export function checkpointsContract(name: string, fresh: () => Promise<DatabaseConfig>): void {
  describe(`checkpoints on ${name}`, () => {
    const world = sequencerWorld(fresh);
    const { replica, append, given } = world;
    let config: DatabaseConfig;
    let both: LogAndIndex;
    let audit: Audit;
    let outside: string;
    let gauges: ReadonlyMap<Gauge, number>;
    beforeEach(() => {
      ({ config, both, audit, outside, gauges } = world.now());
    });

    it('are made on demand by whichever replica holds the lease, and by one alone', async () => {
      const first = await replica({ holder: 'one' });
      const second = await replica({ holder: 'two' });
      for (let n = 0; n < 5; n += 1) {
        await append(`r${n}`);
        const asked = n % 2 === 0 ? first : second;
        const checkpoint = await asked.evidence.checkpoint(ACME, true);
        expect(checkpoint?.size).toBe(n + 1);
        expect(await first.evidence.checkpoint(ACME, false)).toMatchObject({ size: n + 1 });
      }
      const lease = await both.log.db.selectFrom('audit_lease').selectAll().execute();
      expect(lease).toHaveLength(1);
      expect(lease[0]?.term).toBe(1);
      // The one that holds it ends; the other takes over under a new term, and under the same name of the log.
      await (lease[0]?.holder === 'one' ? first : second).end();
      await append('after');
      const last = lease[0]?.holder === 'one' ? second : first;
      expect((await last.evidence.checkpoint(ACME, true))?.size).toBe(6);
      expect(await both.log.db.selectFrom('audit_origins').selectAll().execute()).toHaveLength(1);
    });

    it('let a holder that was paused write nothing, neither to the index nor a checkpoint', async () => {
      const rows = rowsOf(ACME, drawn(30));
      await storeLog(both.log, ACME, rows);
      const paused = await takeLease(both.log, 'paused', 1, undefined);
      if (paused === undefined) throw new Error('no lease');
      expect(await indexBatch(both, paused.term, ACME, 10)).toBe(10);
      await expect.poll(() => takeLease(both.log, 'next', 60_000, undefined)).toMatchObject({ holder: 'next', term: paused.term + 1 });
      await settleMap(both.index, paused.term + 1, ACME);
      await expect(indexBatch(both, paused.term, ACME, 30)).rejects.toThrow(FencedOff);
      await expect(settleMap(both.index, paused.term, ACME)).rejects.toThrow(FencedOff);
      await both.log.transaction((tx) => addOrigin(tx, both.log, ACME, 'sluice.test/sluice/1', ''));
      const signed = { tenant: ACME, origin: 'sluice.test/sluice/1', size: 10, root: '', map: '', note: '' };
      await expect(storeCheckpoint(both.log, paused, signed)).rejects.toThrow(LeaseLost);
      const held = { holder: 'next', term: paused.term + 1 };
      expect(await storeCheckpoint(both.log, held, signed)).toMatchObject({ at: expect.any(Number) as number });
      // Never two of one size, nor a smaller one.
      expect(await storeCheckpoint(both.log, held, { ...signed, root: 'another' })).toBeUndefined();
      await expect(both.log.transaction((tx) => holdLease(tx, both.log, paused))).rejects.toThrow(LeaseLost);
    });

    it('are made again after a kill at every write, and no two of one size differ', async () => {
      let rows = rowsOf(ACME, drawn(300));
      let killed = 0;
      for (let write = 1, running = true; running; write += 1) {
        for (const before of [true, false]) {
          const more = rowsOf(ACME, drawn(rows.length + 90));
          await storeLog(both.log, ACME, more, rows.length === 300 && write === 1 && before ? 0 : rows.length);
          rows = more;
          const task = { database: config, tenant: ACME, outside, killAt: write, before };
          const child = spawn(process.execPath, [CHILD, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'inherit'] });
          const said = text(child.stdout);
          const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
          running = signal === 'SIGKILL';
          killed += running ? 1 : 0;
          // Its lease runs out, without anybody waiting for it.
          if (running) await both.log.transaction((tx) => tx.updateTable('audit_lease').set({ until: 0 }).execute());
          // Killed at that write, or ended in peace after fewer.
          expect(running || (code === 0 && Number(await said) < write)).toBe(true);
        }
      }
      expect(killed).toBeGreaterThan(10);
      const last = await replica();
      const checkpoint = await last.evidence.checkpoint(ACME, true);
      const model = modelOf(rows);
      expect(checkpoint).toMatchObject({ size: rows.length, root: model.root, map: model.map });
      const all = await last.evidence.checkpoints(ACME, 0, 1_000);
      expect(all.map(({ size }) => size)).toEqual(all.map(({ size }) => size).toSorted((a, b) => a - b));
      for (const { size, root } of all) expect(root).toBe(rootOf(rows, size));
      const origin = readNote(checkpoint?.note ?? '')?.origin ?? '';
      await expect.poll(() => given(origin).at(-1)).toBe(rows.length);
      const lines = readFileSync(join(outside, `${originId(origin)}.jsonl`), 'utf8')
        .trim()
        .split('\n');
      for (const line of lines) {
        const { size, root } = JSON.parse(line) as { size: number; root: string };
        expect(root).toBe(rootOf(rows, size));
      }
    }, 600_000);

    it('end an intent that stayed alone, once, whatever comes after it', async () => {
      await append('alone', 'intent');
      await append('whole', 'intent');
      await append('whole', 'release');
      await replica({ timing: { sweepAfterMs: 300 } });
      const kinds = async (requestId: string) => (await audit.byRequest(ACME, requestId)).map(({ kind }) => kind);
      await expect.poll(() => kinds('alone')).toEqual(['intent', 'error']);
      const swept = (await audit.byRequest(ACME, 'alone'))[1];
      expect(swept?.body).toMatchObject({ reason: 'orphaned', intent: 0, client: 'client:idp|app' });
      // Two replicas at once, with what the index of each said before: neither finds it alone any more.
      const intents = [{ index: 0, requestId: 'alone' }];
      const again = await Promise.all([1, 2].map(() => sweepIntents({ database: both.log, audit, sink: audit.sink }, ACME, intents)));
      expect(again).toEqual([0, 0]);
      await append('alone', 'release');
      expect(await kinds('alone')).toEqual(['intent', 'error', 'release']);
      expect(await kinds('whole')).toEqual(['intent', 'release']);
      await expect.poll(() => both.index.db.selectFrom('audit_open_intents').selectAll().execute()).toEqual([]);
    });

    it('go to a witness and an object store, and again once one that was away is back', async () => {
      const [witness, store] = await Promise.all([startWitness(), startObjectStore('a-token')]);
      world.closeLater(() => witness.stop());
      world.closeLater(() => store.stop());
      const places: readonly OutsidePlace[] = [
        { kind: 'witness', url: witness.url, key: witness.key, name: 'witness' },
        { kind: 'http', url: store.url, token: 'a-token', name: 'store' },
      ];
      const { evidence } = await replica({ places });
      await append('one');
      const first = await evidence.checkpoint(ACME, true);
      const { origin = '' } = readNote(first?.note ?? '') ?? {};
      const key = parseVerifierKey(witness.key);
      const cosigned = async (): Promise<boolean> => {
        const note = (await evidence.checkpoint(ACME, false))?.note ?? '';
        return key !== undefined && openNote(note, [key]).kind === 'signed';
      };
      await expect.poll(cosigned).toBe(true);
      const held = (name: string | number) => store.objects.get(`/${originId(origin)}/${name}`);
      // `latest` is written after the note of its size, so it tells that both are there.
      await expect.poll(() => readNote(held('latest') ?? '')?.size).toBe(1);
      expect(held(1)).toBe(held('latest'));
      witness.broken = true;
      store.broken = true;
      for (const n of [2, 3]) {
        await append(`r${n}`);
        await evidence.checkpoint(ACME, true);
      }
      witness.broken = false;
      store.broken = false;
      // Somebody else gave the witness a larger one meanwhile, so it answers with its size first.
      await both.log.transaction((tx) => tx.deleteFrom('audit_outside').where('place', '=', 'witness').execute());
      await expect.poll(() => witness.seen.get(origin)?.size).toBe(3);
      await expect.poll(() => readNote(held('latest') ?? '')?.size).toBe(3);
      expect(held(3)).toBe(held('latest'));
      expect(gauges.get('audit_logs_halted')).toBe(0);
    });

    it('are proved again where the index was deleted, without another one', async () => {
      const rows = rowsOf(ACME, drawn(5_000));
      await storeLog(both.log, ACME, rows);
      const first = await replica();
      const signed = await first.evidence.checkpoint(ACME, true);
      const subLog = { about: 'client', what: 'asked', name: 'client:idp|app1' } as const;
      const proof = await first.evidence.completeness(ACME, subLog);
      expect(proof?.positions.length).toBeGreaterThan(10);
      await first.end();
      await dropIndex(both.index, 1_000, ACME);
      await both.index.transaction((tx) => tx.updateTable('audit_index_fence').set({ term: 0 }).execute());
      const { evidence } = await replica({ holder: 'two' });
      await expect.poll(() => evidence.completeness(ACME, subLog).catch(() => 'not yet')).toEqual(proof);
      expect(await evidence.inclusion(ACME, 4_321, 5_000)).toMatchObject({ leaf: rows[4_321]?.leaf });
      expect(await evidence.checkpoints(ACME, 0, 10)).toEqual([signed]);
    });

    it('carry the signatures of the old key and the new one after a change', async () => {
      const [before, now] = [testKey(1), testKey(2)];
      await append('one');
      const { evidence } = await replica({ keys: [now, before] });
      const note = (await evidence.checkpoint(ACME, true))?.note ?? '';
      const { origin = '' } = readNote(note) ?? {};
      for (const { publicKey } of [before, now]) expect(openNote(note, [noteVerifier(origin, publicKey)]).kind).toBe('signed');
      expect(openNote(note, [noteVerifier(origin, testKey(3).publicKey)]).kind).toBe('unknown');
    });

    it('stop where the log is another one than was signed, until the break is accepted', async () => {
      const rows = rowsOf(ACME, drawn(60));
      await storeLog(both.log, ACME, rows);
      const first = await replica();
      const signed = await first.evidence.checkpoint(ACME, true);
      const origin = readNote(signed?.note ?? '')?.origin ?? '';
      await expect.poll(() => given(origin)).toEqual([60]);
      await first.end();
      // Rewritten from the middle, with leaves and a head that fit: only what left tells.
      const forged = [...rows.slice(0, 30), ...rowsOf(ACME, drawn(91).slice(1)).slice(30)].map((row, idx) => ({ ...row, idx }));
      await both.log.transaction((tx) => tx.deleteFrom('audit_events').execute());
      await storeLog(both.log, ACME, forged);
      await expect(replica({ holder: 'two' })).rejects.toThrow(/acme does not lead to the checkpoint of size 60/);
      await both.log.transaction((tx) => addOrigin(tx, both.log, ACME, 'sluice.test/sluice/after', 'lost'));
      const { evidence } = await replica({ holder: 'three' });
      const checkpoint = await evidence.checkpoint(ACME, true);
      expect(readNote(checkpoint?.note ?? '')).toMatchObject({ origin: 'sluice.test/sluice/after', size: 90, root: rootOf(forged, 90) });
    });

    it('stop where events are taken out under a running sequencer', async () => {
      const rows = rowsOf(ACME, drawn(60));
      await storeLog(both.log, ACME, rows);
      const { evidence } = await replica();
      await evidence.checkpoint(ACME, true);
      await both.log.transaction((tx) => tx.deleteFrom('audit_events').where('idx', '>=', 50).execute());
      await storeLog(both.log, ACME, rows.slice(0, 50), 50);
      await expect.poll(() => gauges.get('audit_logs_halted')).toBe(1);
      await storeLog(both.log, ACME, rowsOf(ACME, drawn(70)), 50);
      await expect(evidence.checkpoint(ACME, true)).rejects.toMatchObject({ code: 'log_rolled_back' });
    });
  });
}
