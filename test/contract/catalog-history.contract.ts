import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { changedBy } from '../../src/catalog/context.ts';
import { digestOf } from '../../src/core/digest.ts';
import { ACME, ANNA, attributesOf, CHANGE, HANDBOOK, HR, label, policy, sourceAttributes } from '../support/catalog-fixture.ts';
import type { GetWorld } from './catalog.contract.ts';

interface Recorded {
  readonly recorded_from: number;
  readonly recorded_to: number | null;
}

/** What was so at a time. */
function at<T extends Recorded>(rows: readonly T[], time: number): T | undefined {
  const then = rows.filter((row) => row.recorded_from <= time && (row.recorded_to === null || time < row.recorded_to));
  expect(then.length).toBeLessThanOrEqual(1);
  return then[0];
}

export function describeHistory(get: GetWorld): void {
  describe('history', () => {
    /** A moment strictly between two changes, on the database's clock. */
    const moment = async (): Promise<number> => {
      await sleep(3);
      const time = (await get().catalog.candidates(ACME, [])).at;
      await sleep(3);
      return time;
    };

    it('tells a document, its ACL and its label at any past time', async () => {
      const { catalog, put, database } = get();
      const start = await moment();
      const { key } = await put('d', { attributes: { acl: { gates: [[HR]], deny: [] }, title: 'one' } });
      const first = await moment();
      const narrowed = attributesOf({ acl: { gates: [[HR], [ANNA]], deny: [] }, title: 'two' });
      await catalog.reserve(ACME, HANDBOOK, narrowed.declared, narrowed.acl);
      await catalog.change(key, ACME, 1, narrowed, CHANGE);
      const second = await moment();
      await catalog.reserve(ACME, HANDBOOK, label('restricted'), narrowed.acl);
      await catalog.change(key, ACME, 2, { ...narrowed, declared: label('restricted') }, CHANGE);
      const third = await moment();
      await catalog.deleteDocument(key, ACME, 3, CHANGE);
      const fourth = await moment();
      await put('d', { attributes: { acl: { gates: [[HR]], deny: [] }, title: 'three' } });
      const fifth = await moment();

      const times = [start, first, second, third, fourth, fifth];
      const acls = await database.db.selectFrom('document_acls').selectAll().where('key', '=', key).execute();
      const gates = times.map((time) => at(acls, time)).map((row) => row && (JSON.parse(row.acl) as { gates: unknown }).gates);
      expect(gates).toEqual([undefined, [[HR]], [[HR], [ANNA]], [[HR], [ANNA]], undefined, [[HR]]]);
      for (const { acl, digest, changed_by } of acls) expect([digest, changed_by]).toEqual([digestOf(acl), ANNA]);
      const labels = await database.db.selectFrom('document_labels').selectAll().where('key', '=', key).execute();
      expect(times.map((time) => at(labels, time)?.level)).toEqual([undefined, 'public', 'public', 'restricted', undefined, 'public']);
      const documents = await database.db.selectFrom('document_history').selectAll().where('key', '=', key).execute();
      expect(times.map((time) => at(documents, time)).map((row) => row && [row.revision, row.state, row.title])).toEqual([
        undefined,
        [1, 'live', 'one'],
        [2, 'live', 'two'],
        [3, 'live', 'two'],
        [4, 'deleted', 'two'],
        [5, 'live', 'three'],
      ]);
      const text = await database.db.selectFrom('document_versions').select('text').where('key', '=', key).execute();
      expect(new Set(text.map((row) => row.text))).toEqual(new Set(['first paragraph\n\nsecond paragraph']));
    });

    it('tells sources, policies and switches at any past time', async () => {
      const { catalog, database } = get();
      const first = await moment();
      await catalog.putSource(ACME, HANDBOOK, sourceAttributes({ label: label('restricted') }), 1, CHANGE);
      await catalog.activatePolicy(ACME, policy('second'), 'first', CHANGE);
      await catalog.throwSwitch(ACME, { kind: 'user', id: ANNA }, 'left', CHANGE);
      const second = await moment();
      await catalog.liftSwitch(ACME, { kind: 'user', id: ANNA }, CHANGE);
      await catalog.activatePolicy(ACME, policy('first'), 'second', CHANGE);
      await catalog.deleteSource(ACME, HANDBOOK, 2, CHANGE);
      const third = await moment();
      const times = [first, second, third];
      const sources = await database.db.selectFrom('source_history').selectAll().where('tenant', '=', ACME).execute();
      expect(times.map((time) => at(sources, time)).map((row) => row && [row.level, row.state])).toEqual([
        ['internal', 'live'],
        ['restricted', 'live'],
        ['restricted', 'deleting'],
      ]);
      const policies = await database.db.selectFrom('policy_activations').selectAll().where('tenant', '=', ACME).execute();
      expect(times.map((time) => at(policies, time)?.revision)).toEqual(['first', 'second', 'first']);
      const switches = await database.db.selectFrom('switches').selectAll().where('scope', '=', ACME).execute();
      expect(times.map((time) => at(switches, time)?.target)).toEqual([undefined, ANNA, undefined]);
      const revisions = await database.db
        .selectFrom('policy_revisions')
        .selectAll()
        .where('tenant', '=', ACME)
        .orderBy('revision')
        .execute();
      expect(revisions.map(({ revision, parent }) => [revision, parent])).toEqual([
        ['first', null],
        ['second', 'first'],
      ]);
    });

    it('tells first of a run or an activation that still goes on, then of what ended later, where all began in one millisecond', async () => {
      const { catalog, database } = get();
      const began = { tenant: ACME, revision: 'first', ...changedBy(CHANGE), recorded_from: 5 };
      const ends = [5, null, 9];
      await database.transaction(async (tx) => {
        const runs = ends.map((end) => ({ ...began, shadow: `until ${end}`, recorded_to: end, stopped_by: end === null ? null : ANNA }));
        await tx.insertInto('policy_shadows').values(runs).execute();
        const over = [9, 5, 7].map((end) => ({ ...began, recorded_to: end }));
        await tx.insertInto('policy_activations').values(over).execute();
      });
      expect(await catalog.shadowRun(ACME, 'first')).toMatchObject({ id: 'until null', to: 'still' });
      const found = await catalog.revision(ACME, 'first');
      expect(found?.history.map(({ to }) => to)).toEqual(['still', 9, 7, 5]);
      await database.transaction((tx) => tx.deleteFrom('policy_shadows').where('shadow', '=', 'until null').execute());
      expect(await catalog.shadowRun(ACME, 'first')).toMatchObject({ id: 'until 9', to: 9 });
    });

    it('keeps a policy revision as it was first stored', async () => {
      const { catalog } = get();
      const altered = policy('first', ['everyone', 'acme', '*', 'retrieve', 'upto:restricted', '*', '*', 'allow']);
      await catalog.activatePolicy(ACME, policy('second'), 'first', CHANGE);
      await expect(catalog.activatePolicy(ACME, altered, 'second', CHANGE)).rejects.toMatchObject({ code: 'conflict' });
      await catalog.activatePolicy(ACME, policy('first'), 'second', CHANGE);
      expect(await catalog.activePolicy(ACME)).toEqual(policy('first'));
    });

    it('writes events that hold ids, digests and counts, and no text', async () => {
      const { catalog, put, database, audit } = get();
      const secret = 'the-secret-plan';
      const { key } = await put('d', { paragraphs: [secret], attributes: { title: secret, metadata: { secret } } });
      await catalog.change(key, ACME, 1, attributesOf({ title: `${secret} 2`, acl: { gates: [], deny: [] } }), CHANGE);
      await catalog.throwSwitch(ACME, { kind: 'document', id: key }, secret, CHANGE);
      await catalog.putSource(ACME, HANDBOOK, sourceAttributes({ title: secret }), 1, CHANGE);
      const bodies = await database.db.selectFrom('audit_events').select(['kind', 'body']).where('tenant', '=', ACME).execute();
      expect(bodies.length).toBeGreaterThanOrEqual(6);
      for (const { body } of bodies) expect(body).not.toContain(secret);
      const [changed] = await audit.between(ACME, 0, 100, ['document.changed']);
      const acl = { version: 2, changed: true };
      expect(changed?.body).toMatchObject({ by: ANNA, through: CHANGE.through, document: 'd', revision: 2, acl });
    });
  });
}
