import pg from 'pg';
import { afterAll, beforeAll } from 'vitest';
import { postgresForTests, type PostgresForTests } from '../support/postgres.ts';
import { catalogContract } from './catalog.contract.ts';

let server: PostgresForTests;
let url: URL;
let made = 0;

beforeAll(async () => {
  server = await postgresForTests();
  url = new URL(await server.url());
});
afterAll(() => server.stop());

/** A schema each time: as empty as a database of its own, and made in milliseconds. */
catalogContract('PostgreSQL', async () => {
  made += 1;
  const schema = `catalog_${made}`;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  await client.query(`create schema ${schema}`);
  await client.end();
  const own = new URL(url);
  own.searchParams.set('options', `-c search_path=${schema}`);
  return { kind: 'postgres', url: own.href };
});
