import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Database } from '../../src/database/database.ts';
import { openDatabase, type DatabaseConfig } from '../../src/database/open-database.ts';
import { rowsOf, statement, together } from '../../src/database/together.ts';
import { postgresForTests, type PostgresForTests } from '../support/postgres.ts';
import { tcpProxy } from '../support/tcp-proxy.ts';
import { databaseContract } from './database.contract.ts';

let server: PostgresForTests;

beforeAll(async () => {
  server = await postgresForTests();
});
afterAll(() => server.stop());

databaseContract('PostgreSQL', async (): Promise<DatabaseConfig> => ({ kind: 'postgres', url: await server.url() }));

async function withClient(url: string, run: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await run(client);
  } finally {
    await client.end();
  }
}

describe('PostgreSQL', () => {
  it.each([
    ['off', 'on'],
    ['local', 'on'],
    ['remote_apply', 'remote_apply'],
  ])('where synchronous_commit is %s, every connection of ours has it %s', async (configured, ours) => {
    const url = await server.url();
    const name = new URL(url).pathname.slice(1);
    await withClient(url, (client) => client.query(`alter database ${name} set synchronous_commit = ${configured}`));
    const database = await openDatabase({ kind: 'postgres', url }, { poolSize: 3 });
    try {
      const show = sql<{
        value: string;
        pid: number;
      }>`select current_setting('synchronous_commit') as value, pg_backend_pid() as pid, pg_sleep(0.05)`;
      const results = await Promise.all(Array.from({ length: 3 }, () => show.execute(database.db)));
      expect(new Set(results.map(({ rows }) => rows[0]?.pid)).size).toBe(3);
      expect(results.map(({ rows }) => rows[0]?.value)).toEqual([ours, ours, ours]);
    } finally {
      await database.close();
    }
  });

  it('refuses a server that may lose what it confirmed', async () => {
    const careless = await postgresForTests(['fsync=off']);
    try {
      await expect(openDatabase({ kind: 'postgres', url: await careless.url() })).rejects.toThrow(/fsync off/);
    } finally {
      await careless.stop();
    }
  });

  it('repeats a transaction that fell to a deadlock', async () => {
    const database = await openDatabase({ kind: 'postgres', url: await server.url() });
    try {
      await database.transaction((tx) => sql`create table rows (id integer primary key, value integer not null)`.execute(tx));
      await database.transaction((tx) => sql`insert into rows values (1, 0), (2, 0)`.execute(tx));
      let runs = 0;
      let holding = 0;
      const bothHold = Promise.withResolvers<void>();
      const update = async (first: number, second: number): Promise<void> =>
        database.transaction(async (tx) => {
          runs += 1;
          await sql`update rows set value = value + 1 where id = ${first}`.execute(tx);
          holding += 1;
          if (holding === 2) bothHold.resolve();
          await bothHold.promise;
          await sql`update rows set value = value + 1 where id = ${second}`.execute(tx);
        });
      await Promise.all([update(1, 2), update(2, 1)]);
      expect(runs).toBe(3);
      expect((await sql`select value from rows`.execute(database.db)).rows).toEqual([{ value: 2 }, { value: 2 }]);
    } finally {
      await database.close();
    }
  });

  it('ends a statement that waits too long for a lock, and stays usable', async () => {
    const url = await server.url();
    const database = await openDatabase({ kind: 'postgres', url }, { statementTimeoutMs: 1_000 });
    try {
      await withClient(url, async (client) => {
        await client.query('create table rows (id integer)');
        await client.query('begin; lock table rows in access exclusive mode');
        await expect(sql`select * from rows`.execute(database.db)).rejects.toMatchObject({ code: '57014' });
      });
      expect((await sql`select * from rows`.execute(database.db)).rows).toEqual([]);
    } finally {
      await database.close();
    }
  });

  it('survives every connection being cut, in use or idle, and connects again', async () => {
    const url = new URL(await server.url());
    const proxy = await tcpProxy({ host: url.hostname, port: Number(url.port || 5432) });
    url.hostname = '127.0.0.1';
    url.port = String(proxy.port);
    const database = await openDatabase({ kind: 'postgres', url: url.href }, { poolSize: 2 });
    try {
      const sleeping = sql`select pg_sleep(30)`.execute(database.db);
      await sql`select 1`.execute(database.db);
      proxy.cut();
      // Which end notices first is chance, and how: the connection is gone all the same.
      const gone = /terminated|ECONNRESET|EPIPE/;
      await expect(sleeping).rejects.toThrow(gone);
      await expect(sql`select 1`.execute(database.db)).rejects.toThrow(gone);
      proxy.mend();
      expect((await sql`select 1 as one`.execute(database.db)).rows).toEqual([{ one: 1 }]);
    } finally {
      await database.close();
      await proxy.close();
    }
  });

  it('rejects in time where nobody answers, or the password is wrong', async () => {
    const url = new URL(await server.url());
    const proxy = await tcpProxy({ host: url.hostname, port: Number(url.port || 5432) });
    try {
      const silent = new URL(url);
      silent.hostname = '127.0.0.1';
      silent.port = String(proxy.port);
      proxy.stall();
      await expect(openDatabase({ kind: 'postgres', url: silent.href }, { connectTimeoutMs: 200 })).rejects.toThrow(/timeout/);
      const wrong = new URL(url);
      wrong.password = 'wrong';
      await expect(openDatabase({ kind: 'postgres', url: wrong.href })).rejects.toMatchObject({ code: '28P01' });
    } finally {
      await proxy.close();
    }
  });

  describe('statements that travel together', () => {
    let url: string;
    let database: Database;
    beforeEach(async () => {
      url = await server.url();
      database = await openDatabase({ kind: 'postgres', url }, { poolSize: 1 });
      await database.transaction((tx) => sql`create table rows (id bigint primary key)`.execute(tx));
    });
    afterEach(() => database.close());
    const ids = async (): Promise<unknown> => (await sql`select id from rows order by id`.execute(database.db)).rows;
    const insert = (id: unknown) => statement('insert into rows values ($1)', [id], true);

    it('take one journey, the beginning of their transaction with them, and the commit another', async () => {
      const journeys = vi.spyOn(pg.Client.prototype, 'query');
      try {
        await database.transaction((tx) => together(tx, 'postgres', [insert(1), insert(2), insert(3)]));
        expect(journeys).toHaveBeenCalledTimes(2);
        await database.transaction(() => Promise.resolve());
        expect(journeys).toHaveBeenCalledTimes(2);
      } finally {
        journeys.mockRestore();
      }
      expect(await ids()).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
    });

    it('and fail at the first leave nothing behind: no transaction, no half of a prepared statement', async () => {
      await expect(database.transaction((tx) => sql`insert into nowhere values (1)`.execute(tx))).rejects.toMatchObject({ code: '42P01' });
      await database.transaction((tx) => together(tx, 'postgres', [insert(1)]));
      for (const id of [1, 1, 'no number']) {
        await expect(database.transaction((tx) => together(tx, 'postgres', [insert(id), insert(9)]))).rejects.toThrow();
      }
      await database.transaction((tx) => together(tx, 'postgres', [insert(2), insert(3)]));
      expect(await ids()).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
    });

    it('are committed by nobody who goes on after one of them failed', async () => {
      const stubborn = database.transaction(async (tx) => {
        await together(tx, 'postgres', [insert(1)]);
        await together(tx, 'postgres', [insert(1)]).catch(() => undefined);
      });
      await expect(stubborn).rejects.toThrow('rolled back instead of committed');
      expect(await ids()).toEqual([]);
    });

    it('are not run on their own where the first of their transaction failed, or never was sent', async () => {
      for (const [first, why] of [
        [insert({ id: 1 }), TypeError],
        [insert('no number'), /syntax/],
      ] as const) {
        const goingOn = database.transaction(async (tx) => {
          await expect(together(tx, 'postgres', [first])).rejects.toThrow(why);
          await expect(together(tx, 'postgres', [insert(2)])).rejects.toThrow('the first statement of this transaction failed');
        });
        await expect(goingOn).rejects.toThrow('the first statement of this transaction failed');
        expect(await ids()).toEqual([]);
      }
      await database.transaction((tx) => together(tx, 'postgres', [insert(2)]));
      expect(await ids()).toEqual([{ id: 2 }]);
    });

    it('are prepared again where the server forgot them', async () => {
      for (const id of [1, 2]) await database.transaction((tx) => together(tx, 'postgres', [insert(id)]));
      await sql`deallocate all`.execute(database.db);
      await expect(database.transaction((tx) => together(tx, 'postgres', [insert(3)]))).rejects.toMatchObject({ code: '26000' });
      await database.transaction((tx) => together(tx, 'postgres', [insert(4)]));
      expect(await ids()).toEqual([{ id: 1 }, { id: 2 }, { id: 4 }]);
    });

    it('are not sent where a value has no form, nor believed where a row cannot be read', async () => {
      await expect(database.transaction((tx) => together(tx, 'postgres', [insert(1), insert({ id: 2 })]))).rejects.toThrow(TypeError);
      const huge = statement('select 9007199254740993::bigint as id', []);
      await expect(database.transaction((tx) => together(tx, 'postgres', [insert(1), huge, insert(2)]))).rejects.toThrow(RangeError);
      expect(await ids()).toEqual([]);
      await database.transaction((tx) => together(tx, 'postgres', [insert(1)]));
      expect(await ids()).toEqual([{ id: 1 }]);
    });

    it('see each what was committed while the one before it waited', async () => {
      await database.transaction((tx) => together(tx, 'postgres', [insert(1)]));
      await withClient(url, async (other) => {
        await other.query('begin; select * from rows where id = 1 for update');
        const seen = database.transaction(async (tx) => {
          const lock = statement('select id from rows where id = 1 for share', []);
          const [, after] = await together(tx, 'postgres', [lock, statement('select count(*) as n from rows', [])]);
          return rowsOf(after);
        });
        const waiting = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        await withClient(url, async (watch) => {
          await expect.poll(async () => (await watch.query(waiting)).rowCount).toBe(1);
        });
        await other.query('insert into rows values (2)');
        await other.query('commit');
        expect(await seen).toEqual([{ n: 2 }]);
      });
    });

    it('may be of many more kinds than a connection keeps prepared', async () => {
      const many = Array.from({ length: 250 }, (_, n) => statement(`select ${n} as n`, [], true));
      for (let turn = 0; turn < 2; turn += 1) {
        const results = await database.transaction((tx) => together(tx, 'postgres', many));
        expect(results.map(rowsOf)).toEqual(many.map((_, n) => [{ n }]));
      }
      const { rows } = await sql<{ n: number }>`select count(*) as n from pg_prepared_statements`.execute(database.db);
      expect(rows).toEqual([{ n: 100 }]);
    });
  });
});
