import { generateKeyPairSync, sign as edSign } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAudit } from '../../src/audit/audit.ts';
import { leafBytes } from '../../src/audit/leaf.ts';
import { named, namedDocument } from '../../src/core/audit-names.ts';
import type { TenantId } from '../../src/core/ids.ts';
import type { JsonObject } from '../../src/core/json.ts';
import type { AuditEvent } from '../../src/core/ports/audit.ts';
import { silentTelemetry } from '../../src/core/ports/telemetry.ts';
import { formatTreeHead, mapExtension } from '../../src/core/tlog/checkpoint.ts';
import { writeExport, type ExportedCheckpoint, type ExportedEvent } from '../../src/core/tlog/export-writer.ts';
import { createFrontier } from '../../src/core/tlog/frontier.ts';
import { consistencyProof, type ReadTile } from '../../src/core/tlog/make-proofs.ts';
import { hashLeaf } from '../../src/core/tlog/merkle.ts';
import { formatNote } from '../../src/core/tlog/note.ts';
import { noteVerifier, signText, type NoteVerifier } from '../../src/core/tlog/note-keys.ts';
import { createRebuiltMap } from '../../src/core/tlog/rebuilt-map.ts';
import { TILE_WIDTH, hashOfTile } from '../../src/core/tlog/tiles.ts';
import { migrate } from '../../src/database/migrate.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { PATIENT } from './audit-events.ts';

/** Signs checkpoints under one name. */
export interface LogKey {
  readonly verifier: NoteVerifier;
  sign(text: string): string;
  signBytes(message: Uint8Array): Uint8Array;
}

export function logKey(name: string): LogKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const verifier = noteVerifier(name, Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url'));
  const signBytes = (message: Uint8Array): Uint8Array => edSign(null, message, privateKey);
  return { verifier, signBytes, sign: (text) => formatNote({ text, signatures: [signText(text, verifier, signBytes)] }) };
}

/** Lines of a tenant's log, as a real audit wrote them to SQLite: searches, releases of several chunks, changes, an erasure. */
export async function auditLines(tenant: string, count: number): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-export-'));
  try {
    const database = await openDatabase({ kind: 'sqlite', path: join(folder, 'log.sqlite') });
    try {
      await migrate(database);
      const audit = createAudit({ database, telemetry: silentTelemetry, limits: PATIENT });
      for (let i = 0; i < count; i += 200) {
        const batch = Array.from({ length: Math.min(200, count - i) }, (_, j) => audit.append(eventOf(tenant as TenantId, i + j)));
        await Promise.all(batch);
      }
      const rows = await database.db.selectFrom('audit_events').selectAll().where('tenant', '=', tenant).orderBy('idx').execute();
      return rows.map(leafBytes);
    } finally {
      await database.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function eventOf(tenant: TenantId, n: number): AuditEvent {
  const user = named(`user:test|person ${n % 7}`);
  const client = `client:test|app-${n % 3}`;
  const requestId = n % 11 === 0 ? `r"${n}\\,"index":${n},"kind":"ü` : `r-${n}`;
  const document = (k: number): JsonObject => ({ source: `s${k % 3}`, document: namedDocument(`s${k % 3}`, `d ${k % 13}`) });
  switch (n % 5) {
    case 0:
      return { tenant, kind: 'intent', requestId, body: { user, client, purpose: 'search', queryLength: n } };
    case 4:
      return { tenant, kind: 'document.changed', requestId, body: { by: user, through: client, ...document(n), revision: n } };
    default: {
      const chunks = Array.from({ length: n % 6 }, (_, k) => ({ chunk: `c${n}-${k}`, rank: k + 1, zone: 7, ...document(n + k) }));
      return { tenant, kind: 'release', requestId, body: { user, client, purpose: 'search', counts: { released: chunks.length }, chunks } };
    }
  }
}

export interface LogOptions {
  readonly origin: string;
  readonly tenant: string;
  readonly key: LogKey;
  /** Sizes at which checkpoints were signed. */
  readonly signedAt: readonly number[];
  /** Positions of events that are given as erased ones. */
  readonly erased?: readonly number[];
  /** In place of the map of sub-logs that the events make. */
  readonly map?: (size: number, real: Uint8Array) => Uint8Array;
}

/** A log held in memory, for what tests want to do with it. */
export interface MadeLog {
  readonly lines: readonly string[];
  readonly checkpoints: readonly ExportedCheckpoint[];
  note(size: number): string;
  consistency(from: number, to: number): Promise<readonly Uint8Array[]>;
  /** The whole file. `beyond`: size of a later checkpoint with which the range is proved. */
  export(from: number, to: number, beyond?: number): Promise<string>;
}

export function makeLog(lines: readonly string[], options: LogOptions): MadeLog {
  const { origin, tenant, key, signedAt, erased = [], map = (_size, real) => real } = options;
  const leaves = lines.map((line) => hashLeaf(line));
  const levels: Uint8Array[][] = [leaves];
  for (let below: Uint8Array[] = leaves; below.length >= TILE_WIDTH; below = levels.at(-1) ?? []) {
    const full = Math.floor(below.length / TILE_WIDTH);
    levels.push(Array.from({ length: full }, (_, i) => hashOfTile(Buffer.concat(below.slice(i * TILE_WIDTH, (i + 1) * TILE_WIDTH)))));
  }
  const tree = createFrontier();
  const subLogs = createRebuiltMap();
  const checkpoints: ExportedCheckpoint[] = [];
  const sign = (size: number): void => {
    if (!signedAt.includes(size)) return;
    const extensions = [mapExtension(map(size, subLogs.root()))];
    checkpoints.push({ size, note: key.sign(formatTreeHead({ origin, size, root: tree.root(), extensions })) });
  };
  sign(0);
  for (const [index, line] of lines.entries()) {
    tree.append(leaves[index] ?? new Uint8Array());
    if (!subLogs.add(line, leaves[index] ?? new Uint8Array())) throw new Error('an event without form');
    sign(index + 1);
  }
  const events = (from: number, to: number): readonly ExportedEvent[] =>
    lines.slice(from, to).map((preimage, i): ExportedEvent => {
      const index = from + i;
      return erased.includes(index) ? { kind: 'erased', index, leaf: hashLeaf(preimage) } : { kind: 'event', preimage };
    });
  const at = (size: number): ExportedCheckpoint => {
    const found = checkpoints.find((checkpoint) => checkpoint.size === size);
    if (found === undefined) throw new Error(`no checkpoint of size ${size}`);
    return found;
  };
  const tile: ReadTile = ({ level, index, width }) =>
    Buffer.concat((levels[level] ?? []).slice(index * TILE_WIDTH, index * TILE_WIDTH + width));
  return {
    lines,
    checkpoints,
    note: (size) => at(size).note,
    consistency: (from, to) => consistencyProof(from, to, tile),
    async export(from, to, beyond) {
      const within = checkpoints.filter(({ size }) => size >= from && size <= to);
      const source = { origin, tenant, from, to, tile, events, checkpoints: within };
      const parts: string[] = [];
      for await (const line of writeExport(beyond === undefined ? source : { ...source, beyond: at(beyond) })) parts.push(line);
      return parts.join('');
    },
  };
}
