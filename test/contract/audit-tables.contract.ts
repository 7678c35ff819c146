import { sql } from 'kysely';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ChainVerdict } from '../../src/audit/verify-chain.ts';
import { makeNote } from '../../src/audit/checkpoints/make-note.ts';
import { leafHash, nextHead } from '../../src/audit/leaf.ts';
import type { TenantId } from '../../src/core/ids.ts';
import { createFrontier } from '../../src/core/tlog/frontier.ts';
import { ACME, ADA, BOB, changeOf, event, HANDBOOK, LEAVE, releaseOf, textOf } from '../support/audit-events.ts';
import type { AuditWorld } from '../support/audit-fixture.ts';
import { testDeeds, testKey } from '../support/evidence-parts.ts';

type Cell = string | number | Uint8Array | null;
type Row = Readonly<Record<string, Cell>>;

const MOVED = 'acme2' as TenantId;
const STAMP = 1_000_000;

/** Not the log's, and not evidence: what a change there does, and who notices, is said here. */
const OPERATIONAL: Readonly<Record<string, string>> = {
  audit_lease: 'who signs now; a lease that was taken stops the other signer, and no two roots of a size are ever stored',
  audit_outside: 'what was given where: too little is given again, too much is told of at the start',
  audit_wanted: 'that somebody waits for a checkpoint',
  audit_holds: 'what may not be erased; hold.placed and hold.lifted in the log tell when that was, and by whom',
  replay_approvals: 'who may replay; replay.requested and replay.approved in the log tell whether that was so',
};
/** What verification of the database alone cannot find, and who does. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'audit_origins.number': 'of a single name it orders nothing',
  'audit_origins.since': 'nothing reads it',
  'audit_origins.reason': 'log.break-accepted in the log holds it',
  'audit_origins.tenant': 'the start: places outside hold a log that no tenant has',
  'audit_origins.origin': 'the start: places outside hold a log that no tenant has',
  'audit_checkpoints.origin': 'a checkpoint less: the next is signed without it, and who has it outside compares',
  'audit_checkpoints.tenant': 'a checkpoint less: the next is signed without it, and who has it outside compares',
  'audit_checkpoints.at': 'nothing signs it',
  'audit_tombstones.kind': 'nothing reads it',
};
/** Of an event of before pseudonyms whose text was erased: what its leaf was made from is gone. */
const EMPTIED = new Set(['at', 'kind', 'request_id']);
/** Rows of which nothing is left when they are deleted. */
const DELETABLE = new Set(['audit_origins', 'audit_checkpoints']);

/** Every column of every row of every table of the log is changed, and every row deleted: each is found, or listed above. */
export function describeTables(get: () => AuditWorld): void {
  const isBroken = async (): Promise<boolean> => {
    const verdicts: ChainVerdict[] = [];
    for (const tenant of [ACME, MOVED]) verdicts.push(await get().audit.verifyChain(tenant));
    return verdicts.some(({ kind }) => kind === 'broken');
  };
  const run = (statement: ReturnType<typeof sql>): Promise<unknown> => get().database.transaction((tx) => statement.execute(tx));

  async function tables(): Promise<ReadonlyMap<string, readonly Row[]>> {
    const { db } = get().database;
    const found = (await db.introspection.getTables()).map(({ name }) => name).filter((name) => /^(audit|replay)_/.test(name));
    const all = new Map<string, readonly Row[]>();
    for (const name of found.sort()) all.set(name, (await sql<Row>`select * from ${sql.table(name)}`.execute(db)).rows);
    return all;
  }

  function where(row: Row) {
    const equal = Object.entries(row).map(([column, value]) =>
      value === null ? sql`${sql.ref(column)} is null` : sql`${sql.ref(column)} = ${value}`,
    );
    return sql.join(equal, sql` and `);
  }

  function flipped(value: Cell): Cell {
    if (typeof value === 'number') return value + STAMP;
    if (typeof value !== 'object' && value === ACME) return MOVED;
    if (typeof value === 'string') return /^[0-9a-f]{2,}$/.test(value) ? `${value[0] === '0' ? '1' : '0'}${value.slice(1)}` : `${value}x`;
    if (value === null) return 1;
    const bytes = Buffer.from(value);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    return bytes;
  }

  const excused = (table: string, column: string, row: Row): boolean =>
    table in OPERATIONAL || `${table}.${column}` in ELSEWHERE || (table === 'audit_events' && row['salt'] === '' && EMPTIED.has(column));

  describe('the tables of the log', () => {
    beforeEach(async () => {
      const { database, audit } = get();
      const old = {
        tenant: ACME,
        idx: 0,
        at: 5,
        kind: 'release',
        request_id: 'old',
        body: JSON.stringify({ user: ADA }),
        salt: 'ab'.repeat(16),
        v: 1,
      };
      const leaf = leafHash(old);
      await database.transaction(async (tx) => {
        await tx
          .insertInto('audit_events')
          .values({ ...old, leaf })
          .execute();
        await tx
          .insertInto('audit_heads')
          .values({ tenant: ACME, size: 1, head: nextHead('0'.repeat(64), leaf), at: 5, erasures: 0 })
          .execute();
      });
      await audit.append(releaseOf('of ada', ADA, [textOf('a', 'one'), textOf('b', 'two')]));
      await audit.append(releaseOf('of bob', BOB, [textOf('b', 'two'), textOf('c', 'three')]));
      await audit.append(event('plain'));
      await audit.erase(ACME, { kind: 'caller', principal: ADA }, 'asked', changeOf('e1'));
      await audit.erase(ACME, { kind: 'content', source: HANDBOOK, document: textOf('a', 'one').document }, 'asked', changeOf('e2'));
      await audit.hold(ACME, { kind: 'content', source: HANDBOOK, document: LEAVE }, 'court', changeOf('h'));
      await keepCheckpoint(3);
      await keepCheckpoint((await get().rows()).length);
    });

    async function keepCheckpoint(size: number): Promise<void> {
      const frontier = createFrontier();
      for (const { leaf } of (await get().rows()).slice(0, size)) frontier.append(Buffer.from(leaf, 'hex'));
      const [origin, map] = ['sluice.test/sluice/acme', 'cd'.repeat(32)];
      const root = Buffer.from(frontier.root()).toString('hex');
      const note = await makeNote({ origin, size, root, map }, testDeeds([testKey(1)]).sign);
      await get().database.transaction(async (tx) => {
        await tx
          .insertInto('audit_origins')
          .values({ tenant: ACME, number: 0, origin, since: 0, reason: '' })
          .onConflict((conflict) => conflict.doNothing())
          .execute();
        await tx.insertInto('audit_checkpoints').values({ tenant: ACME, origin, size, root, map, note, at: 0 }).execute();
      });
    }

    it('are found changed, whichever column of whichever row it was', async () => {
      expect(await isBroken()).toBe(false);
      const unfound: string[] = [];
      const walked = new Set<string>();
      for (const [table, rows] of await tables()) {
        for (const row of rows) {
          for (const [column, value] of Object.entries(row)) {
            if (excused(table, column, row)) continue;
            walked.add(`${table}.${column}`);
            const changed = flipped(value);
            await run(sql`update ${sql.table(table)} set ${sql.ref(column)} = ${changed} where ${where(row)}`);
            if (!(await isBroken())) unfound.push(`${table}.${column} ${String(value)}`);
            await run(sql`update ${sql.table(table)} set ${sql.ref(column)} = ${value} where ${where({ ...row, [column]: changed })}`);
          }
        }
      }
      expect(unfound).toEqual([]);
      expect(await isBroken()).toBe(false);
      expect([...walked].map((name) => name.split('.')[0]).filter((name, i, all) => all.indexOf(name) === i)).toEqual([
        'audit_checkpoints',
        'audit_events',
        'audit_heads',
        'audit_keys',
        'audit_sealed',
        'audit_texts',
        'audit_tombstones',
      ]);
    });

    it('are found to lack a row, whichever it was', async () => {
      const kept: string[] = [];
      for (const [table, rows] of await tables()) {
        if (table in OPERATIONAL || DELETABLE.has(table)) continue;
        for (const row of rows) {
          await run(sql`delete from ${sql.table(table)} where ${where(row)}`);
          if (!(await isBroken())) kept.push(`${table} ${JSON.stringify(row)}`);
          const columns = sql.join(Object.keys(row).map((column) => sql.ref(column)));
          await run(sql`insert into ${sql.table(table)} (${columns}) values (${sql.join(Object.values(row))})`);
        }
      }
      expect(kept).toEqual([]);
      expect(await isBroken()).toBe(false);
    });

    it('are found to hold each other’s rows: any two of a table that exchange a column', async () => {
      const unfound: string[] = [];
      for (const [table, rows] of await tables()) {
        // Events that change places are told apart elsewhere.
        if (table === 'audit_events') continue;
        const [first] = rows;
        for (const column of Object.keys(first ?? {})) {
          for (const [at, one] of rows.entries()) {
            for (const other of rows.slice(at + 1)) {
              const [mine, theirs] = [one[column] ?? null, other[column] ?? null];
              if (same(mine, theirs) || excused(table, column, one) || excused(table, column, other)) continue;
              // Of one erasure: they differ in their kind alone.
              if (table === 'audit_tombstones' && one['idx'] === other['idx']) continue;
              const parked = flipped(mine);
              await run(sql`update ${sql.table(table)} set ${sql.ref(column)} = ${parked} where ${where(one)}`);
              await run(sql`update ${sql.table(table)} set ${sql.ref(column)} = ${mine} where ${where(other)}`);
              await run(sql`update ${sql.table(table)} set ${sql.ref(column)} = ${theirs} where ${where({ ...one, [column]: parked })}`);
              if (!(await isBroken())) unfound.push(`${table}.${column} ${String(mine)} ${String(theirs)}`);
              await run(sql`update ${sql.table(table)} set ${sql.ref(column)} = ${parked} where ${where({ ...one, [column]: theirs })}`);
              await run(sql`update ${sql.table(table)} set ${sql.ref(column)} = ${theirs} where ${where({ ...other, [column]: mine })}`);
              await run(sql`update ${sql.table(table)} set ${sql.ref(column)} = ${mine} where ${where({ ...one, [column]: parked })}`);
            }
          }
        }
      }
      expect(unfound).toEqual([]);
      expect(await isBroken()).toBe(false);
    });
  });
}

function same(one: Cell, other: Cell): boolean {
  return one instanceof Uint8Array && other instanceof Uint8Array ? Buffer.compare(one, other) === 0 : one === other;
}
