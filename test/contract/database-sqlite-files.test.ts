import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDatabase } from '../../src/database/open-database.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-files-'));
});
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

it('keeps its lock on the file however often it is opened by the same process', async () => {
  const path = join(folder, 'locked.db');
  const database = await openDatabase({ kind: 'sqlite', path });
  await database.transaction((tx) => sql`create table t (x)`.execute(tx));
  // The system's own list: a process that finds no lock takes itself for the last one, and removes the log as it closes.
  const held = new RegExp(`POSIX .* READ ${process.pid} [^ ]*:${(await stat(path)).ino} `);
  expect(await readFile('/proc/locks', 'utf8')).toMatch(held);
  // As the thread of the audit log does.
  const again = await openDatabase({ kind: 'sqlite', path });
  try {
    expect(await readFile('/proc/locks', 'utf8')).toMatch(held);
  } finally {
    await Promise.all([database.close(), again.close()]);
  }
});

it('closes though a transaction that was given up never ends', async () => {
  const database = await openDatabase({ kind: 'sqlite', path: join(folder, 'endless.db') });
  const endless = database.transaction(() => new Promise<never>(() => undefined), { timeoutMs: 20 });
  await expect(endless).rejects.toThrow('longer than');
  await database.transaction((tx) => sql`create table t (x)`.execute(tx));
  await database.close();
});
