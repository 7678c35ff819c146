import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { catalogContract } from './catalog.contract.ts';

let folder: string;
let made = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-catalog-'));
});
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

catalogContract('SQLite', () => {
  made += 1;
  return Promise.resolve({ kind: 'sqlite', path: join(folder, `${made}.db`) });
});
