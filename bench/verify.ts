import { createHash, generateKeyPairSync, randomBytes, sign as edSign } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatTreeHead, mapExtension } from '../src/core/tlog/checkpoint.ts';
import { formatLine, type ExportLine } from '../src/core/tlog/export-form.ts';
import { createFrontier } from '../src/core/tlog/frontier.ts';
import { EMPTY_ROOT, hashLeaf } from '../src/core/tlog/merkle.ts';
import { formatNote } from '../src/core/tlog/note.ts';
import { noteVerifier, signText, type NoteVerifier } from '../src/core/tlog/note-keys.ts';
import { TILE_WIDTH } from '../src/core/tlog/tiles.ts';
import { createExportVerifier, type ExportReport, type VerifyOptions } from '../src/core/tlog/verify-export.ts';
import { table } from './support/table.ts';

// How fast an export is verified, on one thread, with nothing but a checkpoint and a key. The export is made first and not timed.

const EVENTS = Number(process.argv[2] ?? 1_000_000);
const SIGNED_EVERY = 4_096;
const ORIGIN = 'bench.example/sluice/0';
const TENANT = 'acme';

interface MadeExport {
  readonly file: string;
  readonly checkpoint: string;
  readonly key: NoteVerifier;
}

const hex = (bytes: number): string => randomBytes(bytes).toString('hex');

/** As retrieval writes them: an intent, a release of none to ten chunks, or a change. */
function line(index: number): string {
  const user = { '@person': hex(16) };
  const client = 'client:corp|internal-assistant';
  const chunk = (rank: number): object => ({
    aclVersion: 3,
    chunk: `${hex(4)}-${hex(2)}-${hex(2)}-${hex(2)}-${hex(6)}`,
    document: { '@document': hex(16) },
    rank,
    rules: ['p:12', 'p:40'],
    source: 'people-handbook',
    zone: 17,
  });
  const bodies = [
    () => ({ actorChain: [], client, limit: 10, purpose: 'answer', queryLength: 84, restriction: { filter: null, maxLevel: null }, user }),
    () => ({
      actorChain: [],
      chunks: Array.from({ length: index % 11 }, (_, i) => chunk(i + 1)),
      client,
      counts: { candidates: 14, refused: 1, released: index % 11 },
      epoch: { global: 4, tenant: 190 },
      policyRevision: hex(16),
      purpose: 'answer',
      user,
    }),
    () => ({ by: user, document: { '@document': hex(16) }, revision: 4, source: 'people-handbook', through: client }),
  ];
  const body = JSON.stringify(bodies[index % 3]?.());
  const kind = ['intent', 'release', 'document.changed'][index % 3];
  return (
    `{"at":${1_700_000_000_000 + index},"body":${body},"index":${index},"kind":"${kind}","requestId":"${hex(16)}",` +
    `"salt":"${hex(16)}","tenant":"${TENANT}","v":2}`
  );
}

async function makeExport(folder: string): Promise<MadeExport> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const key = noteVerifier(ORIGIN, Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url'));
  const file = join(folder, 'export.jsonl');
  const out = createWriteStream(file, { highWaterMark: 4_194_304 });
  const digest = createHash('sha256');
  const tree = createFrontier();
  const write = async (text: string): Promise<void> => void (out.write(text) || (await once(out, 'drain')));
  const other = async (content: ExportLine): Promise<void> => {
    const text = formatLine(content);
    digest.update(text);
    await write(text);
  };
  let checkpoint = '';
  await other({ kind: 'header', origin: ORIGIN, tenant: TENANT, from: 0, to: EVENTS, peaks: [] });
  for (let from = 0; from < EVENTS; from += TILE_WIDTH) {
    const lines = Array.from({ length: Math.min(TILE_WIDTH, EVENTS - from) }, (_, i) => line(from + i));
    const leaves = lines.map((text) => hashLeaf(text));
    for (const leaf of leaves) tree.append(leaf);
    await other({ kind: 'tile', index: from / TILE_WIDTH, hashes: Buffer.concat(leaves) });
    await write(`${lines.join('\n')}\n`);
    if (tree.size() % SIGNED_EVERY !== 0 && tree.size() !== EVENTS) continue;
    const text = formatTreeHead({ origin: ORIGIN, size: tree.size(), root: tree.root(), extensions: [mapExtension(EMPTY_ROOT)] });
    checkpoint = formatNote({ text, signatures: [signText(text, key, (message) => edSign(null, message, privateKey))] });
    await other({ kind: 'checkpoint', note: checkpoint });
  }
  await write(formatLine({ kind: 'end', digest: digest.digest('hex') }));
  out.end();
  await once(out, 'close');
  return { file, checkpoint, key };
}

interface Timed {
  readonly report: ExportReport;
  readonly wallMs: number;
  /** Of the one thread that verifies. */
  readonly cpuMs: number;
}

async function verify({ file, checkpoint, key }: MadeExport, more: Partial<VerifyOptions> = {}): Promise<Timed> {
  const verifier = createExportVerifier({ checkpoint, keys: [key], ...more });
  const cpu = process.threadCpuUsage();
  const start = process.hrtime.bigint();
  for await (const chunk of createReadStream(file, { highWaterMark: 1_048_576 }) as AsyncIterable<Buffer>) verifier.push(chunk);
  const report = verifier.end();
  const { user, system } = process.threadCpuUsage(cpu);
  const wallMs = Number(process.hrtime.bigint() - start) / 1e6;
  return { report, wallMs, cpuMs: (user + system) / 1_000 };
}

function row(name: string, bytes: number, { report, wallMs, cpuMs }: Timed): readonly string[] {
  if (!report.ok) throw new Error(`a good export was found bad: ${JSON.stringify(report.findings.slice(0, 3))}`);
  const rate = (ms: number): string => Math.round((report.events / ms) * 1_000).toLocaleString('en');
  const speed = `${Math.round(bytes / wallMs / 1_000)} MB/s`;
  return [name, report.events.toLocaleString('en'), rate(wallMs), rate(cpuMs), speed];
}

const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-verify-'));
try {
  const made = await makeExport(folder);
  const { size } = await stat(made.file);
  console.log(`${EVENTS.toLocaleString('en')} events, ${Math.round(size / EVENTS)} bytes each, ${cpus()[0]?.model ?? 'unknown processor'}`);
  const rows = [row('verify', size, await verify(made))];
  // It takes ten times as long, and the same for each event.
  if (EVENTS <= 100_000) rows.push(row('verify --canonical', size, await verify(made, { canonical: true })));
  console.log(table(['what', 'events', 'events/s', 'events/s of processor time', 'read'], rows));
} finally {
  await rm(folder, { recursive: true, force: true });
}
