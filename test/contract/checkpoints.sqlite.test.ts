import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { checkpointRefusalsContract } from './checkpoints-refusal.contract.ts';
import { checkpointsContract } from './checkpoints.contract.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-checkpoints-'));
});
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

checkpointsContract('SQLite', async () => ({ kind: 'sqlite', path: join(await mkdtemp(join(folder, 'db-')), 'sluice.sqlite') }));
checkpointRefusalsContract('SQLite', async () => ({ kind: 'sqlite', path: join(await mkdtemp(join(folder, 'db-')), 'sluice.sqlite') }));
