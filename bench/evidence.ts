// Makes a log of releases in SQLite, indexes it, asks and proves: `npm run bench:evidence [events] [documents]`.
import { randomBytes, createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { leafBytes } from '../src/audit/leaf.ts';
import { indexBatch, settleMap } from '../src/audit/index/index-step.ts';
import { indexPath, openLogAndIndex, type LogAndIndex } from '../src/audit/index/open-index.ts';
import { rootAt, tileReader } from '../src/audit/index/read-tiles.ts';
import { inclusionPath } from '../src/core/tlog/make-proofs.ts';
import { migrate } from '../src/database/migrate.ts';
import { openDatabase } from '../src/database/open-database.ts';

const TENANT = 'acme';
const CHUNKS = 10;
const PEOPLE = 2_000;
const [events = 100_000, documents = 50_000] = process.argv.slice(2, 4).map(Number);
/** Where this process is the one that makes the log: its garbage shall not count as memory of the index. */
const making = process.argv[4];

/** Some documents are read far more often than others, as anywhere: the square of a uniform number. */
function someDocument(random: () => number): number {
  return Math.floor(random() ** 2 * documents);
}

/** An intent and a release for each request, as a service writes them; straight into the table, with a real chain of leaves. */
function makeLog(path: string): void {
  const db = new DatabaseSync(path);
  db.exec('pragma journal_mode = wal; pragma synchronous = off');
  const insert = db.prepare(
    'insert into audit_events (tenant, idx, at, kind, request_id, body, salt, leaf, v) values (?, ?, ?, ?, ?, ?, ?, ?, 2)',
  );
  let seed = 1;
  const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  const hex = (size: number, of: string): string => createHash('sha256').update(of).digest('hex').slice(0, size);
  let head: Uint8Array = new Uint8Array(32);
  let person = '';
  db.exec('begin');
  for (let idx = 0; idx < events; idx += 1) {
    const kind = idx % 2 === 0 ? 'intent' : 'release';
    if (kind === 'intent') person = hex(32, `p${Math.floor(random() * PEOPLE)}`);
    const who = { client: `client:idp|app-${person.charCodeAt(0) % 4}`, purpose: 'search', user: { '@person': person } };
    const body =
      kind === 'intent' ? { ...who, limit: CHUNKS } : { ...who, chunks: Array.from({ length: CHUNKS }, () => chunkOf(random, hex)) };
    const row = {
      tenant: TENANT,
      idx,
      at: 1_700_000_000_000 + idx * 50,
      kind,
      request_id: `r${idx >> 1}`,
      body: JSON.stringify(body),
      salt: hex(32, `${idx}`),
      v: 2,
    };
    const leaf = createHash('sha256').update(Uint8Array.of(0)).update(leafBytes(row)).digest();
    head = createHash('sha256').update(Uint8Array.of(1)).update(head).update(leaf).digest();
    insert.run(TENANT, idx, row.at, kind, row.request_id, row.body, row.salt, leaf.toString('hex'));
    if (idx % 100_000 === 99_999) db.exec('commit; begin');
  }
  db.prepare('insert into audit_heads (tenant, size, head, at, erasures) values (?, ?, ?, ?, 0)').run(
    TENANT,
    events,
    Buffer.from(head).toString('hex'),
    1_700_000_000_000 + events * 50,
  );
  db.exec('commit');
  db.close();
}

function chunkOf(random: () => number, hex: (size: number, of: string) => string): object {
  const document = someDocument(random);
  const source = `source-${document % 20}`;
  return {
    aclVersion: 3,
    chunk: hex(36, `c${document}`),
    document: { '@document': hex(32, `d${document}`) },
    rank: 1,
    rules: [12, 40],
    source,
    version: `sha256:${hex(64, `v${document}`)}`,
    zone: document % 50,
  };
}

async function timed<T>(what: string, run: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const result = await run();
  say(what, `${((performance.now() - started) / 1_000).toFixed(3)} s`);
  return result;
}

function say(what: string, value: string): void {
  process.stdout.write(`${what.padEnd(44)}${value}\n`);
}

const megabytes = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MB`;

async function indexAll(both: LogAndIndex): Promise<void> {
  const started = performance.now();
  const before = process.cpuUsage();
  let mostRss = 0;
  let longest = 0;
  for (let size = 0; size < events;) {
    const began = performance.now();
    size = await indexBatch(both, 1, TENANT, events);
    longest = Math.max(longest, performance.now() - began);
    mostRss = Math.max(mostRss, process.memoryUsage.rss());
  }
  const seconds = (performance.now() - started) / 1_000;
  say('indexed', `${seconds.toFixed(1)} s, ${Math.round(events / seconds)} events/s, ${Math.round(events / 2 / seconds)} releases/s`);
  const { user, system } = process.cpuUsage(before);
  say(
    'processor time of it',
    `${((user + system) / 1e6).toFixed(1)} s, ${Math.round(events / 2 / ((user + system) / 1e6))} releases/s of one core`,
  );
  say('longest batch', `${longest.toFixed(0)} ms`);
  say('most memory of the process', megabytes(mostRss));
}

async function proofs(both: LogAndIndex): Promise<void> {
  const times: number[] = [];
  for (let n = 0; n < 500; n += 1) {
    const at = Math.floor(Math.random() * events);
    const began = performance.now();
    await inclusionPath(at, events, tileReader(both.index.db, TENANT));
    times.push(performance.now() - began);
  }
  times.sort((a, b) => a - b);
  say('an inclusion proof, p50 and p99', `${times[250]?.toFixed(2)} ms, ${times[495]?.toFixed(2)} ms`);
}

async function bench(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), `sluice-bench-${randomBytes(4).toString('hex')}-`));
  try {
    const path = join(directory, 'sluice.sqlite');
    const database = await openDatabase({ kind: 'sqlite', path });
    await migrate(database);
    await database.close();
    say('events, documents', `${events}, ${documents}`);
    await timed('made the log', async () => {
      const made = spawnSync(process.execPath, [import.meta.filename, String(events), String(documents), path], { stdio: 'inherit' });
      if (made.status !== 0) throw new Error('the log was not made');
    });
    const both = await openLogAndIndex({ kind: 'sqlite', path });
    await indexAll(both);
    await timed('the map of all sub-logs', () => settleMap(both.index, 1, TENANT));
    await timed('the root', () => rootAt(both.index.db, TENANT, events));
    await proofs(both);
    const { subLogs } = await both.index.db
      .selectFrom('audit_sublogs')
      .select(({ fn }) => fn.countAll<number>().as('subLogs'))
      .executeTakeFirstOrThrow();
    await both.close();
    say('sub-logs', String(subLogs));
    say('log, index', `${megabytes(statSync(path).size)}, ${megabytes(statSync(indexPath(path)).size)}`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

if (making === undefined) await bench();
else makeLog(making);
