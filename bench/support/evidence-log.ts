// A log of requests, straight into the tables of a migrated SQLite file: `node bench/support/evidence-log.ts <file> <events> <documents>`.
import { createHash, hash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { DatabaseSync } from 'node:sqlite';
import { EMPTY_HEAD, leafHash, nextHead } from '../../src/audit/leaf.ts';

export const TENANT = 'acme';
export const CHUNKS = 10;
export const STARTED_AT = 1_700_000_000_000;
/** Milliseconds between two events. */
export const EVERY = 50;
export const SOURCES = 20;
const PEOPLE = 2_000;
const APPLICATIONS = 4;
const PER_COMMIT = 100_000;

/** Pseudonyms as events hold them. */
export const personName = (n: number): string => digits(32, `p${n % PEOPLE}`);
export const documentName = (n: number): string => digits(32, `d${n}`);
export const sourceName = (n: number): string => `source-${n % SOURCES}`;
export const clientName = (n: number): string => `client:idp|app-${n % APPLICATIONS}`;

function digits(size: number, of: string): string {
  return createHash('sha256').update(of).digest('hex').slice(0, size);
}

/** Some documents are read far more often than others, as anywhere: the square of a uniform number. */
function someDocument(random: () => number, documents: number): number {
  return Math.floor(random() ** 2 * documents);
}

/** Half of the events are releases of ten chunks, each after the intent of its request; every row with the chain of leaves of a real log. */
function makeLog(path: string, events: number, documents: number): void {
  const db = new DatabaseSync(path);
  db.exec('pragma journal_mode = wal; pragma synchronous = off');
  const insert = db.prepare(
    'insert into audit_events (tenant, idx, at, kind, request_id, body, salt, leaf, v) values (?, ?, ?, ?, ?, ?, ?, ?, 2)',
  );
  let seed = 1;
  const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  const chunks = new Map<number, readonly [string, string]>();
  const people = Array.from({ length: PEOPLE }, (_, n) => personName(n));
  let head = EMPTY_HEAD;
  let person = 0;
  db.exec('begin');
  for (let idx = 0; idx < events; idx += 1) {
    const isIntent = idx % 2 === 0;
    if (isIntent) person = Math.floor(random() * PEOPLE);
    const who = `"purpose":"search","user":{"@person":"${people[person] ?? ''}"}}`;
    const client = `"client":"${clientName(person)}",`;
    const body = isIntent
      ? `{${client}"limit":${CHUNKS},${who}`
      : `{"chunks":[${Array.from({ length: CHUNKS }, (_, rank) => chunkText(chunks, someDocument(random, documents), rank + 1)).join(',')}],${client}${who}`;
    const salt = hash('sha256', `${idx}`, 'hex').slice(0, 32);
    const row = {
      tenant: TENANT,
      idx,
      at: STARTED_AT + idx * EVERY,
      kind: isIntent ? 'intent' : 'release',
      request_id: `r${idx >> 1}`,
      body,
      salt,
      v: 2,
    };
    const leaf = leafHash(row);
    head = nextHead(head, leaf);
    insert.run(TENANT, idx, row.at, row.kind, row.request_id, body, salt, leaf);
    if (idx % PER_COMMIT === PER_COMMIT - 1) db.exec('commit; begin');
  }
  db.prepare('insert into audit_heads (tenant, size, head, at, erasures) values (?, ?, ?, ?, 0)').run(
    TENANT,
    events,
    head,
    STARTED_AT + events * EVERY,
  );
  db.exec('commit; pragma wal_checkpoint(truncate)');
  db.close();
}

/** Canonical JSON of a released chunk, all of it but the rank made once. */
function chunkText(known: Map<number, readonly [string, string]>, document: number, rank: number): string {
  let parts = known.get(document);
  if (parts === undefined) {
    const version = `sha256:${digits(64, `v${document}`)}`;
    parts = [
      `{"aclVersion":3,"chunk":"${digits(36, `c${document}`)}","document":{"@document":"${documentName(document)}"},"rank":`,
      `,"rules":[12,40],"source":"${sourceName(document)}","version":"${version}","zone":${document % 50}}`,
    ];
    known.set(document, parts);
  }
  return `${parts[0]}${rank}${parts[1]}`;
}

const [script, path, events, documents] = process.argv.slice(1);
if (script === fileURLToPath(import.meta.url) && path !== undefined) makeLog(path, Number(events), Number(documents));
