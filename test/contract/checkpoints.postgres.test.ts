import { afterAll, beforeAll } from 'vitest';
import { postgresForTests, type PostgresForTests } from '../support/postgres.ts';
import { checkpointRefusalsContract } from './checkpoints-refusal.contract.ts';
import { checkpointsContract } from './checkpoints.contract.ts';

let server: PostgresForTests;

beforeAll(async () => {
  server = await postgresForTests();
});
afterAll(() => server.stop());

checkpointsContract('PostgreSQL', async () => ({ kind: 'postgres', url: await server.url() }));
checkpointRefusalsContract('PostgreSQL', async () => ({ kind: 'postgres', url: await server.url() }));
