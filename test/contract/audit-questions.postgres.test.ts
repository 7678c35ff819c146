import { afterAll, beforeAll } from 'vitest';
import { postgresForTests, type PostgresForTests } from '../support/postgres.ts';
import { auditQuestionsContract } from './audit-questions.contract.ts';

let server: PostgresForTests;

beforeAll(async () => {
  server = await postgresForTests();
});
afterAll(() => server.stop());

auditQuestionsContract('PostgreSQL', async () => ({ kind: 'postgres', url: await server.url() }));
