import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { sql } from 'kysely';
import { beforeEach, describe, expect, it } from 'vitest';
import { createAudit, type Audit } from '../../src/audit/audit.ts';
import { canonicalJson, leafHash, nextHead } from '../../src/audit/leaf.ts';
import { digestOf } from '../../src/core/digest.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { silentTelemetry } from '../../src/core/ports/telemetry.ts';
import type { Database } from '../../src/database/database.ts';
import { migrate, type Migration } from '../../src/database/migrate.ts';
import { openDatabase, type DatabaseConfig } from '../../src/database/open-database.ts';
import { ACME, ADA, BOB, changeOf, HANDBOOK, LEAVE, PATIENT, releaseOf, textOf, TOOL } from '../support/audit-events.ts';
import type { AuditWorld } from '../support/audit-fixture.ts';

const FOLDER = new URL('../../migrations/', import.meta.url);
/** The last one of the time when people and documents stood in the log plainly. */
const BEFORE = '0010';
const VERSION = `sha256:${'7'.repeat(64)}`;

/** Events as they were written then. */
const WRITTEN: readonly (readonly [kind: string, body: JsonObject])[] = [
  ['document.published', { by: TOOL, through: TOOL, source: HANDBOOK, document: LEAVE, version: VERSION }],
  ['intent', { user: ADA, client: TOOL, purpose: 'answer' }],
  ['release', { user: ADA, client: TOOL, chunks: [{ source: HANDBOOK, document: LEAVE, version: VERSION, digest: VERSION }] }],
  ['release', { user: BOB, client: TOOL, chunks: [{ source: HANDBOOK, document: 'other', version: VERSION, digest: VERSION }] }],
  ['release', { user: BOB, client: TOOL, chunks: [{ source: 'elsewhere', document: LEAVE, version: VERSION, digest: VERSION }] }],
  ['login.ended', { issuer: 'test', user: digestOf(ADA), session: null, issuedAt: 1 }],
  ['source.put', { by: BOB, through: TOOL, source: LEAVE, title: HANDBOOK }],
];

async function migrationsUpTo(last: string): Promise<readonly Migration[]> {
  const names = (await readdir(FOLDER)).filter((name) => /^\d{4}_.*\.ts$/.test(name) && name.slice(0, 4) <= last).sort();
  return Promise.all(
    names.map(async (file) => {
      const { up } = (await import(new URL(file, FOLDER).href)) as Pick<Migration, 'up'>;
      return { name: file.slice(0, -3), up };
    }),
  );
}

/** With the statements of that time: no column of later is known. */
async function writeAsBefore(database: Database): Promise<void> {
  await database.transaction(async (tx) => {
    let head = '0'.repeat(64);
    for (const [idx, [kind, body]] of WRITTEN.entries()) {
      const row = { tenant: ACME, idx, at: 1_000 + idx, kind, request_id: `old${idx}`, body: canonicalJson(body), v: 1 };
      const salt = randomBytes(16).toString('hex');
      const leaf = leafHash({ ...row, salt });
      head = nextHead(head, leaf);
      await sql`insert into audit_events (tenant, idx, at, kind, request_id, body, salt, leaf)
        values (${row.tenant}, ${idx}, ${row.at}, ${kind}, ${row.request_id}, ${row.body}, ${salt}, ${leaf})`.execute(tx);
    }
    await sql`insert into audit_heads (tenant, size, head) values (${ACME}, ${WRITTEN.length}, ${head})`.execute(tx);
  });
}

export function describeUpgrade(get: () => AuditWorld, fresh: () => Promise<DatabaseConfig>): void {
  describe('a log written before pseudonyms', () => {
    let database: Database;
    let audit: Audit;
    beforeEach(async () => {
      database = await openDatabase(await fresh());
      await migrate(database, await migrationsUpTo(BEFORE));
      await writeAsBefore(database);
      await migrate(database);
      audit = createAudit({ database, telemetry: silentTelemetry, limits: PATIENT });
      return () => database.close();
    });
    const bodies = () => database.db.selectFrom('audit_events').select(['idx', 'body', 'salt']).where('v', '=', 1).orderBy('idx').execute();
    const emptied = async () => (await bodies()).filter(({ body, salt }) => body === '' && salt === '').map(({ idx }) => idx);

    it('verifies, is read as it was, and goes on', async () => {
      expect(await audit.verifyChain(ACME)).toMatchObject({ kind: 'intact', size: WRITTEN.length });
      for (const [index, [kind, body]] of WRITTEN.entries()) {
        expect(await audit.byRequest(ACME, `old${index}`)).toMatchObject([{ kind, body, index }]);
        expect(await audit.sealed(ACME, index)).toBeUndefined();
      }
      expect(await audit.append(releaseOf('new', ADA, [textOf('said')]))).toMatchObject({ index: WRITTEN.length });
      expect((await audit.between(ACME, 0, 99, ['release'])).map(({ body }) => body['user'])).toEqual([ADA, BOB, BOB, ADA]);
      expect(await audit.verifyChain(ACME)).toMatchObject({ kind: 'intact', size: WRITTEN.length + 1 });
    });

    it('loses the events that name an erased person, and no others; their leaves stay', async () => {
      expect(await audit.erase(ACME, { kind: 'caller', principal: ADA }, 'x', changeOf('e'))).toMatchObject({ kind: 'erased' });
      expect(await emptied()).toEqual([1, 2, 5]);
      expect((await audit.byRequest(ACME, 'old1'))[0]?.body).toEqual({ erased: true });
      const [told] = await audit.byRequest(ACME, 'e');
      expect(told?.body).toMatchObject({ emptied: [1, 2, 5], subject: expect.stringMatching(/^erased:/) as string });
      expect(await audit.verifyChain(ACME)).toMatchObject({ kind: 'intact', size: WRITTEN.length + 1 });
      expect(await audit.erase(ACME, { kind: 'caller', principal: ADA }, 'x', changeOf('e2'))).toEqual({ kind: 'unknown' });
    });

    it('loses the events that name an erased document, not those of one with the same id elsewhere', async () => {
      const what = { kind: 'content', source: HANDBOOK, document: LEAVE } as const;
      expect(await audit.erase(ACME, what, 'x', changeOf('e'))).toMatchObject({ kind: 'erased' });
      expect(await emptied()).toEqual([0, 2]);
      expect(await audit.verifyChain(ACME)).toMatchObject({ kind: 'intact' });
    });

    it('an event that was emptied, and no erasure names it, is found', async () => {
      await audit.erase(ACME, { kind: 'caller', principal: ADA }, 'x', changeOf('e'));
      await database.transaction((tx) => tx.updateTable('audit_events').set({ body: '', salt: '' }).where('idx', '=', 3).execute());
      expect(await audit.verifyChain(ACME)).toEqual({ kind: 'broken', index: 3, reason: 'erased' });
      // Nor can one of today be passed off as one of then.
      await get().audit.append(releaseOf('r', ADA, []));
      await get().database.transaction((tx) =>
        tx.updateTable('audit_events').set({ body: '', salt: '', v: 1 }).where('idx', '=', 0).execute(),
      );
      expect(await get().audit.verifyChain(ACME)).toMatchObject({ kind: 'broken', index: 0 });
    });
  });
}
