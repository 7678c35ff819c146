import { execFileSync } from 'node:child_process';
import { appendFileSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeNote, readNote } from '../../src/audit/checkpoints/make-note.ts';
import { originId } from '../../src/audit/checkpoints/origins.ts';
import type { OutsidePlace } from '../../src/audit/checkpoints/settings.ts';
import { openLogAndIndex, type LogAndIndex } from '../../src/audit/index/open-index.ts';
import { createEvidence } from '../../src/audit/worker/evidence.ts';
import type { TenantId } from '../../src/core/ids.ts';
import { silentTelemetry } from '../../src/core/ports/telemetry.ts';
import { migrate } from '../../src/database/migrate.ts';
import { openDatabase, type DatabaseConfig } from '../../src/database/open-database.ts';
import { rowsOf, storeLog, type Drawn } from '../property/audit-index-model.ts';
import { testDeeds, testKey } from '../support/evidence-parts.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { startObjectStore, type TestObjectStore } from '../support/witness.ts';

const ACME = 'acme' as TenantId;
const SIZE = 40;
const OURS = testKey(1);
const STRANGER = testKey(7);
const MAP = '00'.repeat(32);

function rows(count: number) {
  const drawn = Array.from({ length: count }, (_, n): Drawn => ({ kind: 'audit.read', person: n % 3, documents: [n % 5], v: 2 }));
  return rowsOf(ACME, drawn);
}

/** What somebody can do who writes in the database, at a place outside, or between the two; never with our key. */
describe('a place outside', () => {
  let both: LogAndIndex;
  let config: DatabaseConfig;
  let folder: string;
  let outside: string;
  let store: TestObjectStore;
  let failures: number;
  let origin: string;
  let file: string;

  async function run(places: readonly OutsidePlace[] = [], holder = 'one') {
    const databases = await openLogAndIndex(config);
    const made = createEvidence({
      databases,
      settings: {
        holder,
        host: 'sluice.test',
        checkpointSeconds: 3_600,
        outside: [{ kind: 'file', path: outside, name: 'file:test' }, ...places],
        timing: { tickMs: 20, leaseMs: 600, freshMs: 15_000, outsideMs: 2_000 },
      },
      deeds: testDeeds([OURS]),
      telemetry: {
        ...silentTelemetry,
        count: (counter, labels) => void (counter === 'checkpoint_failures' && labels?.['part'] === 'outside' && (failures += 1)),
      },
    });
    const end = async (): Promise<void> => {
      await made.stop();
      await databases.close();
    };
    try {
      await made.start();
    } catch (error) {
      await end();
      throw error;
    }
    return { evidence: made.evidence, end };
  }
  const given = () => readFileSync(file, 'utf8').trim().split('\n');
  const whole = (): number => given().length;
  const starts = async (places: readonly OutsidePlace[] = []): Promise<void> => (await run(places, 'two')).end();
  const noteOf = (size: number, by = OURS, of = origin) => makeNote({ origin: of, size, root: MAP, map: MAP }, testDeeds([by]).sign);
  const asLine = (note: string): string => `${JSON.stringify({ note })}\n`;
  const appended = async (count: number): Promise<void> => storeLog(both.log, ACME, rows(count), count === SIZE ? 0 : SIZE);
  /** The log as it was when it had so many events, its checkpoints gone. */
  async function rolledBack(size: number): Promise<void> {
    await both.log.transaction(async (tx) => {
      for (const table of ['audit_events', 'audit_heads', 'audit_checkpoints', 'audit_outside'] as const)
        await tx.deleteFrom(table).execute();
    });
    await storeLog(both.log, ACME, rows(size));
  }

  beforeEach(async () => {
    folder = temporaryDirectory();
    outside = join(folder, 'outside');
    config = { kind: 'sqlite', path: join(folder, 'sluice.sqlite') };
    const made = await openDatabase(config);
    await migrate(made);
    await made.close();
    both = await openLogAndIndex(config);
    store = await startObjectStore('a-token');
    await appended(SIZE);
    const first = await run([http()]);
    origin = readNote((await first.evidence.checkpoint(ACME, true))?.note ?? '')?.origin ?? '';
    file = join(outside, `${originId(origin)}.jsonl`);
    await expect.poll(() => store.objects.has(`/${originId(origin)}/latest`)).toBe(true);
    await expect.poll(whole).toBe(1);
    await first.end();
    failures = 0;
  });
  afterEach(async () => {
    await store.stop();
    await both.close();
  });
  const http = (): OutsidePlace => ({ kind: 'http', url: store.url, token: 'a-token', name: 'http:test' });

  it('refuses a database from which events were taken, and all checkpoints with them', async () => {
    await starts();
    await rolledBack(SIZE - 10);
    await expect(starts()).rejects.toThrow(/acme has 30 events, but file:test holds a checkpoint of 40/);
    await rolledBack(0);
    await expect(starts()).rejects.toThrow(/acme has 0 events/);
  });

  it.each(['unsigned', 'of a stranger', 'of another log'])(
    'with a larger checkpoint that is %s stops nothing, and is told of',
    async (how) => {
      const note =
        how === 'unsigned'
          ? (await noteOf(900)).replace(/— (\S+) \S+/, (_, name: string) => `— ${name} ${Buffer.alloc(68).toString('base64')}`)
          : how === 'of a stranger'
            ? await noteOf(900, STRANGER)
            : await noteOf(900, OURS, 'sluice.test/sluice/other');
      appendFileSync(file, asLine(note));
      await starts();
      expect(failures).toBeGreaterThan(0);
      // And hides nothing.
      await rolledBack(SIZE - 10);
      await expect(starts()).rejects.toThrow(/acme has 30 events, but file:test holds a checkpoint of 40/);
    },
  );

  it('counts for what we signed last, wherever in it that stands', async () => {
    const lines = readFileSync(file, 'utf8');
    writeFileSync(file, asLine(await noteOf(900)) + lines);
    await expect(starts()).rejects.toThrow(/acme has 40 events, but file:test holds a checkpoint of 900/);
    writeFileSync(file, lines);
    await starts();
    expect(failures).toBe(0);
  });

  it('that was answered for by somebody in between stops nothing; by what we signed, it does', async () => {
    const latest = `/${originId(origin)}/latest`;
    store.objects.set(latest, await noteOf(900, STRANGER));
    await starts([http()]);
    expect(failures).toBeGreaterThan(0);
    store.objects.set(latest, await noteOf(900));
    await expect(starts([http()])).rejects.toThrow(/http:test holds a checkpoint of 900/);
  });

  it('that lost what it was given is told of', async () => {
    const { end, evidence } = await run();
    await appended(SIZE + 5);
    await evidence.checkpoint(ACME, true);
    await expect.poll(whole).toBe(2);
    await expect
      .poll(
        async () =>
          (await both.log.db.selectFrom('audit_outside').select('size').where('place', '=', 'file:test').executeTakeFirst())?.size,
      )
      .toBe(45);
    await end();
    await starts();
    expect(failures).toBe(0);
    writeFileSync(file, `${given()[0] ?? ''}\n`);
    await starts();
    expect(failures).toBe(1);
  });

  it('is written by no link that somebody put there, and a pipe keeps nobody waiting', async () => {
    const victim = join(folder, 'victim');
    writeFileSync(victim, 'mine');
    renameSync(file, `${file}.kept`);
    symlinkSync(victim, file);
    for (const name of ['checkpoint.new', 'checkpoint']) {
      rmSync(join(outside, `${originId(origin)}.${name}`), { force: true });
      symlinkSync(victim, join(outside, `${originId(origin)}.${name}`));
    }
    const { end, evidence } = await run();
    await appended(SIZE + 5);
    await evidence.checkpoint(ACME, true);
    await expect.poll(() => failures).toBeGreaterThan(1);
    expect(readFileSync(victim, 'utf8')).toBe('mine');
    // In one step: between two, the next try would find no file and make one.
    renameSync(`${file}.kept`, file);
    await expect.poll(whole).toBe(2);
    expect(readFileSync(victim, 'utf8')).toBe('mine');
    await end();
    rmSync(file);
    execFileSync('mkfifo', [file]);
    failures = 0;
    await starts();
    expect(failures).toBeGreaterThan(0);
  });

  it('goes on behind what a crash left of a line, wherever it broke off', async () => {
    const line = readFileSync(file, 'utf8');
    for (const left of [1, 2, 12, Math.floor(line.length / 2), line.length - 2, line.length - 1]) {
      writeFileSync(file, line + line);
      truncateSync(file, Buffer.byteLength(line) + left);
      await starts();
      expect([left, failures]).toEqual([left, 0]);
    }
    const { end, evidence } = await run();
    await appended(SIZE + 5);
    await evidence.checkpoint(ACME, true);
    await expect
      .poll(() => given().flatMap((text) => (text.endsWith('}') ? [(JSON.parse(text) as { size: number }).size] : [])))
      .toContain(45);
    await end();
    await rolledBack(SIZE);
    await expect(starts()).rejects.toThrow(/has 40 events, but file:test holds a checkpoint of 45/);
  });
});
