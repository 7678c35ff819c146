import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readMigrations } from './migrate.ts';

const UP = 'export async function up() {}\n';

describe('readMigrations', () => {
  let folder: string;
  const write = (name: string, text = UP): Promise<void> => writeFile(join(folder, name), text);
  const read = async (): Promise<string[]> => (await readMigrations(pathToFileURL(`${folder}/`))).map((migration) => migration.name);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-migrations-'));
    await write('0001_one.ts');
    await write('0002_two-more.ts');
  });
  afterEach(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

  it('reads them in order and leaves other files alone', async () => {
    await write('README.md', 'not code');
    expect(await read()).toEqual(['0001_one', '0002_two-more']);
  });

  it.each(['0004_gap.ts', '0002_twice.ts', 'unnumbered.ts', '0003_Upper.ts'])('refuses %s', async (name) => {
    await write(name);
    await expect(read()).rejects.toThrow(/without gaps/);
  });

  it('refuses one that does nothing', async () => {
    await write('0003_empty.ts', 'export const down = 1;\n');
    await expect(read()).rejects.toThrow(/0003_empty\.ts exports no function up/);
  });
});
