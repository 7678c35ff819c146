import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { auditQuestionsContract } from './audit-questions.contract.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-questions-'));
});
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

// The index lies beside the database, so each has a directory of its own.
auditQuestionsContract('SQLite', async () => ({ kind: 'sqlite', path: join(await mkdtemp(join(folder, 'db-')), 'log.sqlite') }));
