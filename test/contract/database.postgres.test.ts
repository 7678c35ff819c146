import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase, type DatabaseConfig } from '../../src/database/open-database.ts';
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
});
