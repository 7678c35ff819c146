// Makes a log of requests in SQLite, indexes and signs it, asks, proves, exports and verifies: `npm run bench:evidence [events] [documents]`.
import { generateKeyPairSync, randomBytes, sign as edSign } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { takeLease, type Lease } from '../src/audit/checkpoints/lease.ts';
import { signCheckpoint } from '../src/audit/checkpoints/sign-checkpoint.ts';
import { indexBatch, settleMap } from '../src/audit/index/index-step.ts';
import { indexPath, openLogAndIndex, type LogAndIndex } from '../src/audit/index/open-index.ts';
import { createEvidence } from '../src/audit/worker/evidence.ts';
import type { Deeds } from '../src/audit/worker/protocol.ts';
import type { TenantId } from '../src/core/ids.ts';
import type { AuditQuestion, EvidencePort, SubLog, Within } from '../src/core/ports/evidence.ts';
import { silentTelemetry } from '../src/core/ports/telemetry.ts';
import { createExportVerifier } from '../src/core/tlog/verify-export.ts';
import { noteVerifier } from '../src/core/tlog/note-keys.ts';
import { migrate } from '../src/database/migrate.ts';
import { openDatabase } from '../src/database/open-database.ts';
import { clientName, documentName, EVERY, personName, sourceName, STARTED_AT, TENANT as NAME } from './support/evidence-log.ts';
import { median, ms, quantile, table } from './support/table.ts';

const TENANT = NAME as TenantId;
const [events = 100_000, documents = 50_000] = process.argv.slice(2, 4).map(Number);
const LEASE_MS = 3_600_000;
const CHECKPOINTS = 20;
const ASKED = 25;
const PROVED = 500;
const NO_HURRY = new AbortController().signal;

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const rawKey = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
const deeds: Deeds = {
  sign: (text) => Promise.resolve([{ publicKey: rawKey, signature: edSign(null, Buffer.from(text, 'utf8'), privateKey) }]),
  keys: () => Promise.resolve([rawKey]),
  sweep: () => Promise.resolve(0),
};

const rows: string[][] = [];
function say(what: string, value: string, target = ''): void {
  rows.push([what, value, target]);
  process.stderr.write(`${what}: ${value}\n`);
}

const megabytes = (bytes: number): string => `${(bytes / 1_048_576).toFixed(0)} MB`;
const seconds = (since: number): number => (performance.now() - since) / 1_000;
const perSecond = (count: number, taken: number): string => Math.round(count / taken).toLocaleString('en');
let mostRss = 0;
const noteRss = (): number => (mostRss = Math.max(mostRss, process.memoryUsage.rss()));

/** As the sequencer does it, a checkpoint at every twentieth part of the log. */
async function indexAll(databases: LogAndIndex, lease: Lease): Promise<void> {
  const signing: number[] = [];
  const settling: number[] = [];
  const before = process.cpuUsage();
  let indexing = 0;
  let cpu = 0;
  let asideCpu = 0;
  let size = 0;
  for (let part = 1; part <= CHECKPOINTS; part += 1) {
    const upTo = Math.ceil((events * part) / CHECKPOINTS);
    const began = performance.now();
    while (size < upTo) {
      size = await indexBatch(databases, lease.term, TENANT, upTo);
      noteRss();
    }
    indexing += seconds(began);
    const { user, system } = process.cpuUsage(before);
    const mapped = performance.now();
    const settled = process.cpuUsage();
    await settleMap(databases.index, lease.term, TENANT);
    settling.push(performance.now() - mapped);
    const signed = performance.now();
    if ((await signCheckpoint({ databases, deeds, host: 'bench.example' }, lease, TENANT)) === undefined)
      throw new Error('nothing was signed');
    signing.push(performance.now() - signed);
    const aside = process.cpuUsage(settled);
    cpu = (user + system) / 1e6 - asideCpu;
    asideCpu += (aside.user + aside.system) / 1e6;
  }
  say(
    'indexed, by the clock',
    `${perSecond(events / 2, indexing)} releases/s, ${perSecond(events, indexing)} events/s`,
    '>= 5,000 releases/s',
  );
  say('indexed, by processor time', `${perSecond(events / 2, cpu)} releases/s of one core`);
  say(`the map at a checkpoint of ${Math.ceil(events / CHECKPOINTS).toLocaleString('en')} events, median and longest`, longest(settling));
  say('root, signature and check of the leaves, median and longest', longest(signing));
  say('most memory of the process while indexing', megabytes(mostRss));
}
function longest(times: readonly number[]): string {
  return `${ms(median(times))}, ${ms(Math.max(...times))}`;
}

async function measured(what: string, times: number, target: string, run: (n: number) => Promise<unknown>): Promise<void> {
  const taken: number[] = [];
  for (let n = 0; n < times; n += 1) {
    const began = performance.now();
    await run(n);
    taken.push(performance.now() - began);
  }
  noteRss();
  say(`${what}, p50 and p99`, `${ms(median(taken))}, ${ms(quantile(taken, 0.99))}`, target);
}

async function questions(evidence: EvidencePort): Promise<void> {
  const ask = async ([first, ...others]: readonly [SubLog, ...SubLog[]], more: Partial<AuditQuestion> = {}): Promise<void> => {
    const within: Within = [[first], ...others.map((one) => [one])];
    const page = await evidence.ask({ tenant: TENANT, in: within, kinds: ['release'], limit: 100, ...more }, NO_HURRY);
    if (page.events.length === 0) throw new Error('nobody was shown anything');
  };
  const document = (n: number): SubLog => ({ about: 'document', what: 'released', name: documentName(n) });
  const span = events * EVERY;
  await measured('who was shown a hot document, first 100', ASKED, '<= 50 ms', (n) => ask([document(n)]));
  await measured('who was shown a rare document, first 100', ASKED, '<= 50 ms', (n) => ask([document(documents - 2 - n)]));
  await measured('the same, a page from the middle of a hot one', ASKED, '<= 50 ms', (n) => ask([document(n)], { after: events >> 1 }));
  await measured('what a person was shown, first 100', ASKED, '', (n) => ask([{ about: 'caller', what: 'asked', name: personName(n) }]));
  await measured('what a source reached between two dates, first 100', ASKED, '', (n) =>
    ask([{ about: 'source', what: 'released', name: sourceName(n) }], { from: STARTED_AT + span * 0.4, to: STARTED_AT + span * 0.6 }),
  );
  await measured('a person and a source together, first 100', ASKED, '', (n) =>
    ask([
      { about: 'caller', what: 'asked', name: personName(n) },
      { about: 'source', what: 'released', name: sourceName(n) },
    ]),
  );
  await measured('a page of 1,000 of what a client received (summary by label adds up such pages)', 5, '', (n) =>
    ask([{ about: 'client', what: 'asked', name: clientName(n) }], { limit: 1_000 }),
  );
}

async function proofs(evidence: EvidencePort): Promise<void> {
  await measured('an inclusion proof', PROVED, '<= 5 ms', () => evidence.inclusion(TENANT, Math.floor(Math.random() * events), events));
  await measured('a consistency proof', PROVED, '', () => evidence.consistency(TENANT, 1 + Math.floor(Math.random() * events), events));
  for (const [what, n] of [
    ['hot', 0],
    ['rare', documents - 2],
  ] as const) {
    await measured(`a proof of completeness, ${what} document`, 5, '', () =>
      evidence.completeness(TENANT, { about: 'document', what: 'released', name: documentName(n) }),
    );
  }
}

/** Export and verification in one process, the lines handed over as they come; each by its own processor time. */
async function exported(evidence: EvidencePort): Promise<void> {
  const checkpoint = await evidence.checkpoint(TENANT, false);
  if (checkpoint === undefined) throw new Error('the log has no checkpoint');
  const origin = checkpoint.note.slice(0, checkpoint.note.indexOf('\n'));
  const verifier = createExportVerifier({ checkpoint: checkpoint.note, keys: [noteVerifier(origin, rawKey)] });
  const began = performance.now();
  let bytes = 0;
  let verifying = 0;
  let held: Buffer[] = [];
  let heldBytes = 0;
  const hand = (): void => {
    const block = Buffer.concat(held);
    const start = process.threadCpuUsage();
    verifier.push(block);
    const { user, system } = process.threadCpuUsage(start);
    verifying += (user + system) / 1e6;
    [held, heldBytes] = [[], 0];
    noteRss();
  };
  for await (const line of evidence.export(TENANT, { from: 0, to: 'checkpoint' }, NO_HURRY)) {
    const data = Buffer.from(line, 'utf8');
    bytes += data.length;
    held.push(data);
    if ((heldBytes += data.length) >= 4_194_304) hand();
  }
  hand();
  const report = verifier.end();
  if (!report.ok || report.events !== events)
    throw new Error(`a good export was found bad: ${JSON.stringify(report.findings.slice(0, 3))}`);
  const taken = seconds(began);
  say('exported and verified', `${taken.toFixed(1)} s, ${megabytes(bytes)}, ${Math.round(bytes / events)} bytes an event`);
  say('verified, by processor time', `${perSecond(events, verifying)} events/s`, '>= 200,000 events/s');
}

async function evidenceOf(path: string): Promise<void> {
  const databases = await openLogAndIndex({ kind: 'sqlite', path });
  try {
    const lease = await takeLease(databases.log, 'bench', LEASE_MS, undefined);
    if (lease === undefined) throw new Error('the lease is held');
    await indexAll(databases, lease);
    const settings = { holder: 'bench', host: 'bench.example', checkpointSeconds: 60, outside: [] };
    const { evidence } = createEvidence({ databases, settings, deeds, telemetry: silentTelemetry });
    await questions(evidence);
    await proofs(evidence);
    await exported(evidence);
    const { subLogs } = await databases.index.db
      .selectFrom('audit_sublogs')
      .select(({ fn }) => fn.countAll<number>().as('subLogs'))
      .executeTakeFirstOrThrow();
    say('sub-logs', subLogs.toLocaleString('en'));
  } finally {
    await databases.close();
  }
}

async function bench(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), `sluice-bench-${randomBytes(4).toString('hex')}-`));
  try {
    const path = join(directory, 'sluice.sqlite');
    const database = await openDatabase({ kind: 'sqlite', path });
    await migrate(database);
    await database.close();
    say(
      'events, of which releases of ten chunks; documents',
      `${events.toLocaleString('en')}, ${(events >> 1).toLocaleString('en')}; ${documents.toLocaleString('en')}`,
    );
    say(
      'load before',
      loadavg()
        .map((load) => load.toFixed(1))
        .join(' '),
    );
    const began = performance.now();
    // In a process of its own: its garbage shall not count as memory of the index.
    const maker = fileURLToPath(new URL('./support/evidence-log.ts', import.meta.url));
    const made = spawnSync(process.execPath, [maker, path, String(events), String(documents)], { stdio: 'inherit' });
    if (made.status !== 0) throw new Error('the log was not made');
    say('made the log', `${seconds(began).toFixed(0)} s`);
    await evidenceOf(path);
    say('log, index', `${megabytes(statSync(path).size)}, ${megabytes(statSync(indexPath(path)).size)}`);
    say('most memory of the process', megabytes(mostRss));
    say('the whole bench', `${seconds(began).toFixed(0)} s`, '<= 1,200 s');
    say(
      'load after',
      loadavg()
        .map((load) => load.toFixed(1))
        .join(' '),
    );
    console.log(table(['what', 'measured', 'target'], rows));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

await bench();
