import { afterAll, beforeAll } from 'vitest';
import { postgresForTests, type PostgresForTests } from '../support/postgres.ts';
import { catalogContract } from './catalog.contract.ts';

let server: PostgresForTests;

beforeAll(async () => {
  server = await postgresForTests();
});
afterAll(() => server.stop());

catalogContract('PostgreSQL', async () => ({ kind: 'postgres', url: await server.url() }));
