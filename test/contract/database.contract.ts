import { sql, type Kysely } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Database, DatabaseKind } from '../../src/database/database.ts';
import { migrate, type Migration } from '../../src/database/migrate.ts';
import { openDatabase, type DatabaseConfig } from '../../src/database/open-database.ts';
import { databaseTime } from '../../src/database/time.ts';
import { rowsOf, statement, together } from '../../src/database/together.ts';

/** What the rooms may rely on, whatever the database. `fresh` names a new, empty database each time. */
export function databaseContract(name: string, fresh: () => Promise<DatabaseConfig>): void {
  describe(`database on ${name}`, () => {
    let config: DatabaseConfig;
    let database: Database;

    beforeEach(async () => {
      config = await fresh();
      database = await openDatabase(config);
    });
    afterEach(() => database.close());

    async function count(): Promise<number> {
      const { rows } = await sql<{ n: number }>`select count(*) as n from counters`.execute(database.db);
      return rows[0]?.n ?? -1;
    }
    const insert = (db: Kysely<never> | Parameters<Parameters<Database['transaction']>[0]>[0], value: number): Promise<unknown> =>
      sql`insert into counters (value) values (${value})`.execute(db);
    const counters = (): Promise<unknown> =>
      database.transaction((tx) => sql`create table counters (value bigint not null check (value > 0))`.execute(tx));

    it('commits what resolves and nothing of what rejects', async () => {
      await counters();
      await database.transaction((tx) => insert(tx, 1));
      const failure = new Error('no');
      await expect(
        database.transaction(async (tx) => {
          await insert(tx, 2);
          throw failure;
        }),
      ).rejects.toBe(failure);
      await expect(database.transaction((tx) => insert(tx, -1))).rejects.toThrow(/check/i);
      expect(await count()).toBe(1);
    });

    it('gives integers up to 2^53 - 1 as numbers and refuses to round beyond', async () => {
      await counters();
      await database.transaction((tx) => insert(tx, Number.MAX_SAFE_INTEGER));
      const read = (): Promise<{ rows: { value: unknown }[] }> => sql<{ value: unknown }>`select value from counters`.execute(database.db);
      expect((await read()).rows).toEqual([{ value: Number.MAX_SAFE_INTEGER }]);
      await database.transaction((tx) => sql`update counters set value = ${sql.raw('9007199254740993')}`.execute(tx));
      await expect(read()).rejects.toThrow(RangeError);
    });

    it('lets concurrent transactions count without losing one', async () => {
      await counters();
      await database.transaction((tx) => insert(tx, 1));
      const second = await openDatabase(config);
      try {
        const increments = Array.from({ length: 20 }, (_, n) =>
          (n % 2 === 0 ? database : second).transaction((tx) => sql`update counters set value = value + 1`.execute(tx)),
        );
        await Promise.all(increments);
      } finally {
        await second.close();
      }
      const { rows } = await sql<{ value: number }>`select value from counters`.execute(database.db);
      expect(rows).toEqual([{ value: 21 }]);
    });

    it('keeps a snapshot still while others commit, and does not let it write', async () => {
      await counters();
      await database.transaction((tx) => insert(tx, 1));
      const seen = await database.snapshot(async (tx) => {
        const look = async (): Promise<number> => (await sql`select value from counters`.execute(tx)).rows.length;
        const before = await look();
        await database.transaction((other) => insert(other, 2));
        return [before, await look()];
      });
      expect(seen).toEqual([1, 1]);
      expect(await count()).toBe(2);
      await expect(database.snapshot((tx) => insert(tx, 3))).rejects.toThrow(/read-?only/i);
    });

    it('ends a transaction at its deadline, writes nothing of it, and goes on with the next', async () => {
      await counters();
      const gate = Promise.withResolvers<void>();
      const late = Promise.withResolvers<void>();
      const stuck = database.transaction(
        async (tx) => {
          try {
            await insert(tx, 1);
            await gate.promise;
            await insert(tx, 2).catch(() => undefined);
          } finally {
            late.resolve();
          }
        },
        { timeoutMs: 200 },
      );
      // Waits behind the stuck one on SQLite, and must neither be lost nor run beside it.
      const next = database.transaction(async (tx) => {
        await insert(tx, 3);
      });
      await expect(stuck).rejects.toThrow('took longer than 200 ms');
      await next;
      gate.resolve();
      await late.promise;
      await database.transaction(async (tx) => {
        await insert(tx, 4);
      });
      expect((await sql`select value from counters order by value`.execute(database.db)).rows).toEqual([{ value: 3 }, { value: 4 }]);
    });

    it('keeps a transaction that waits behind a long one, even where another gave up between them', async () => {
      await counters();
      const order: string[] = [];
      const gate = Promise.withResolvers<void>();
      const long = database.transaction(async (tx) => {
        await insert(tx, 1);
        await gate.promise;
        await insert(tx, 2);
        order.push('long');
      });
      // On PostgreSQL it does not wait: the update sees no row yet.
      const timeoutMs = database.kind === 'sqlite' ? 100 : 30_000;
      const impatient = database.transaction((tx) => sql`update counters set value = 9`.execute(tx), { timeoutMs });
      const [given] = await Promise.allSettled([impatient]);
      const last = database.transaction(async (tx) => {
        await insert(tx, 3);
        order.push('last');
      });
      gate.resolve();
      await Promise.all([long, last]);
      expect(order.toSorted()).toEqual(['last', 'long']);
      expect(given.status).toBe(database.kind === 'sqlite' ? 'rejected' : 'fulfilled');
      expect(await count()).toBe(3);
    });

    it('runs statements that are given together in their order, each on what the former left', async () => {
      await counters();
      const mark = (n: number): string => (database.kind === 'postgres' ? `$${n}` : '?');
      const add = statement(`insert into counters (value) values (${mark(1)})`, [1], true);
      const raise = statement('update counters set value = value + 1', []);
      const look = statement('select value from counters order by value', [], true);
      const read = await database.transaction((tx) => together(tx, database.kind, [look, add, look, raise, add, look]));
      expect([0, 2, 5].map((position) => rowsOf(read[position]))).toEqual([[], [{ value: 1 }], [{ value: 1 }, { value: 2 }]]);
      expect(read[4]?.numAffectedRows).toBe(1n);
      expect(await database.transaction((tx) => together(tx, database.kind, []))).toEqual([]);
    });

    it('of statements that are given together, runs none after one that fails, and keeps none', async () => {
      await counters();
      const mark = database.kind === 'postgres' ? '$1' : '?';
      const insertOne = (value: number) => statement(`insert into counters (value) values (${mark})`, [value], true);
      // Twice: what was prepared by the one that failed must not be in the way.
      for (let turn = 0; turn < 2; turn += 1) {
        const broken = database.transaction((tx) => together(tx, database.kind, [insertOne(1), insertOne(-1), insertOne(2)]));
        await expect(broken).rejects.toThrow(/check/i);
        expect(await count()).toBe(turn);
        await database.transaction((tx) => together(tx, database.kind, [insertOne(turn + 1)]));
      }
      expect(await count()).toBe(2);
    });

    it('tells the time in milliseconds, twice different within one transaction', async () => {
      const times = await database.transaction(async (tx) => {
        const read = async (): Promise<number> =>
          (await tx.selectNoFrom(databaseTime(database.kind).as('now')).executeTakeFirstOrThrow()).now;
        const first = await read();
        await new Promise((resolve) => setTimeout(resolve, 20));
        return [first, await read()] as const;
      });
      expect(Number.isSafeInteger(times[0])).toBe(true);
      expect(Math.abs(times[0] - Date.now())).toBeLessThan(3_600_000);
      expect(times[1]).toBeGreaterThan(times[0]);
    });

    it('rejects after it was closed', async () => {
      const closed = await openDatabase(config);
      await closed.close();
      await closed.close();
      const gone = /closed|not open|calling end/;
      await expect(closed.transaction((tx) => sql`select 1`.execute(tx))).rejects.toThrow(gone);
      await expect(closed.snapshot((tx) => sql`select 1`.execute(tx))).rejects.toThrow(gone);
      await expect(sql`select 1`.execute(closed.db)).rejects.toThrow(gone);
    });

    describe('migrate', () => {
      const table = (name: string): Migration => ({
        name,
        up: (db) =>
          db.schema
            .createTable(`t${name.slice(0, 4)}`)
            .addColumn('x', 'bigint')
            .execute(),
      });
      const one = table('0001_one');
      const two = table('0002_two');

      it('applies what is missing, once, and gives the kind along', async () => {
        const kinds: DatabaseKind[] = [];
        const curious: Migration = { name: '0003_curious', up: (_db, kind) => Promise.resolve(void kinds.push(kind)) };
        expect(await migrate(database, [one])).toEqual(['0001_one']);
        expect(await migrate(database, [one, two, curious])).toEqual(['0002_two', '0003_curious']);
        expect(await migrate(database, [one, two, curious])).toEqual([]);
        expect(kinds).toEqual([database.kind]);
      });

      it('keeps the migrations before a failing one, and nothing of that one', async () => {
        const failing: Migration = {
          name: '0002_failing',
          async up(db) {
            await db.schema.createTable('half').addColumn('x', 'bigint').execute();
            throw new Error('half-way');
          },
        };
        await expect(migrate(database, [one, failing])).rejects.toThrow('half-way');
        await expect(sql`select * from half`.execute(database.db)).rejects.toThrow(/half/);
        expect(await migrate(database, [one, two])).toEqual(['0002_two']);
      });

      it('refuses a database that is newer, or that other code migrated', async () => {
        await migrate(database, [one, two]);
        await expect(migrate(database, [one])).rejects.toThrow(/newer than this code.*0002_two.*0001_one/);
        await expect(migrate(database, [one, table('0002_other')])).rejects.toThrow(/other code.*0002_two.*0002_other/);
        expect(await migrate(database, [one, two])).toEqual([]);
      });

      it('may be run by several replicas at once', async () => {
        const replicas = await Promise.all(Array.from({ length: 4 }, () => openDatabase(config)));
        try {
          const applied = await Promise.all(replicas.map((replica) => migrate(replica, [one, two])));
          expect(applied.flat().toSorted()).toEqual(['0001_one', '0002_two']);
        } finally {
          await Promise.all(replicas.map((replica) => replica.close()));
        }
      });

      it('applies the migrations of this release', async () => {
        const names = await migrate(database);
        expect(names[1]).toBe('0002_audit');
        expect(await migrate(database)).toEqual([]);
      });
    });
  });
}
