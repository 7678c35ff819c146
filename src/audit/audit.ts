import { randomBytes } from 'node:crypto';
import { AppError, asAppError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import type { AuditKind, AuditPort, AuditTail, Erasures, SealedReads, StoredAuditEvent } from '../core/ports/audit.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import { pooledRandom } from '../core/pooled-random.ts';
import type { AuditSink, AuditSinkAll } from '../database/audit-sink.ts';
import type { AuditEventRow } from '../database/audit-tables.ts';
import type { ErasureSink } from '../database/erasure-sink.ts';
import type { Database } from '../database/database.ts';
import type { SessionSink } from '../database/session-sink.ts';
import { erasureSink } from './erasures/erase.ts';
import { createErasures } from './erasures/erasures.ts';
import { makeEntry, type Condition, type RandomBytes } from './entry.ts';
import { groupCommit, type GroupCommitLimits } from './group-commit.ts';
import { readErasures } from './names/key-rows.ts';
import { createKeyring } from './names/keyring.ts';
import { storedEvents } from './read-events.ts';
import { openSealed } from './sealed/open-sealed.ts';
import { createTextStore } from './sealed/text-store.ts';
import { verifyChain, type ChainVerdict } from './verify-chain.ts';
import type { KnownLeaves } from './verify/known-roots.ts';
import { writeEntry, writeOwn } from './write-entries.ts';

export interface Audit extends AuditPort, AuditTail, SealedReads, Erasures {
  /** For changes that carry their event in their own transaction. Database errors pass through it unwrapped, so that it can be repeated. */
  readonly sink: AuditSink;
  /** The same for many of one tenant. */
  readonly sinkAll: AuditSinkAll;
  /** For an erasure in the catalog's own transaction. Database errors pass through it unwrapped. */
  readonly erasureSink: ErasureSink;
  /** Fails with `audit_unavailable` where the log cannot be read. */
  verifyChain(tenant: TenantId, leaves?: KnownLeaves): Promise<ChainVerdict>;
}

export interface AuditParts {
  readonly database: Database;
  readonly telemetry: Telemetry;
  /** Joins the label of a release into its session, in the transaction that writes the release. */
  readonly sessionSink?: SessionSink;
  readonly random?: RandomBytes;
  readonly limits?: Partial<GroupCommitLimits>;
}

const POSITIONS_PER_READ = 500;
const UNCONDITIONAL: Condition = { kind: 'none' };
const LIMITS: GroupCommitLimits = { deadlineMs: 5_000, maxQueue: 4_096, maxQueuedText: 67_108_864, maxBatch: 256 };

/** The audit log of all tenants over one database. Times in the log are the database's. */
export function createAudit(parts: AuditParts): Audit {
  const { database, telemetry, sessionSink = noSessions, limits = {} } = parts;
  const random = parts.random ?? pooledRandom(randomBytes);
  const keyring = createKeyring(database.db, random);
  const sealer = { random, texts: createTextStore(random) };
  const commit = groupCommit({ database, telemetry, sessionSink, keyring, sealer }, { ...LIMITS, ...limits });
  const maker = { random };
  const erasing = { kind: database.kind, maker, sealer };
  const sinkOfErasures = erasureSink(erasing);
  return {
    async append(event) {
      const condition: Condition = event.erasures === undefined ? UNCONDITIONAL : { kind: 'no-erasure-since', erasures: event.erasures };
      const outcome = await commit(makeEntry(event, condition, maker));
      if (outcome.kind !== 'released') throw new AppError('audit_unavailable', { detail: 'an unconditional event was not written' });
      return outcome.receipt;
    },
    async release(event, judgedAt, validUntil, turn) {
      return commit(makeEntry(event, { kind: 'release', judgedAt, validUntil, turn }, maker));
    },
    byRequest: (tenant, requestId) => reading(() => byRequest(database, tenant, requestId)),
    sizes: () => reading(() => sizes(database)),
    between: (tenant, from, to, kinds, except) => reading(() => between(database, tenant, { from, to, kinds, except })),
    sealed: (tenant, index) => reading(() => database.snapshot((tx) => openSealed(tx, tenant, index))),
    erasures: (tenant) => reading(() => readErasures(database.db, tenant)),
    sink: async (tx, event) => writeEntry(tx, database.kind, makeEntry(event, UNCONDITIONAL, maker), sealer),
    async sinkAll(tx, events) {
      const entries = events.map((event) => makeEntry(event, UNCONDITIONAL, maker));
      if (entries.length > 0) await writeOwn(tx, database.kind, entries, sealer);
    },
    erasureSink: sinkOfErasures,
    ...createErasures(database, sinkOfErasures, erasing),
    verifyChain: (tenant, leaves) => reading(() => verifyChain(database, tenant, leaves)),
  };
}

/** Where nothing keeps sessions, a release that names one is refused rather than forgotten. */
const noSessions: SessionSink = (_tx, turns) => Promise.resolve(turns.map(() => ({ kind: 'unreadable' })));

async function reading<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw asAppError(error, 'audit_unavailable');
  }
}

async function byRequest({ db }: Database, tenant: TenantId, requestId: string): Promise<readonly StoredAuditEvent[]> {
  const rows = await db
    .selectFrom('audit_events')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('request_id', '=', requestId)
    .orderBy('idx')
    .execute();
  return storedEvents(db, tenant, rows);
}

async function sizes({ db }: Database): Promise<ReadonlyMap<TenantId, number>> {
  const rows = await db.selectFrom('audit_heads').select(['tenant', 'size']).execute();
  return new Map(rows.map(({ tenant, size }) => [tenant as TenantId, size]));
}

interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly kinds: readonly AuditKind[];
  readonly except: ReadonlySet<number> | undefined;
}

async function between({ db }: Database, tenant: TenantId, { from, to, kinds, except }: Stretch): Promise<readonly StoredAuditEvent[]> {
  const events = db
    .selectFrom('audit_events')
    .where('tenant', '=', tenant)
    .where('idx', '>=', from)
    .where('idx', '<', to)
    .where('kind', 'in', [...kinds])
    .orderBy('idx');
  if (except === undefined || except.size === 0) return storedEvents(db, tenant, await events.selectAll().execute());
  // Bodies are long: those that nobody wants are not read.
  const wanted = (await events.select('idx').execute()).flatMap(({ idx }) => (except.has(idx) ? [] : [idx]));
  const rows: AuditEventRow[] = [];
  for (let start = 0; start < wanted.length; start += POSITIONS_PER_READ) {
    const some = wanted.slice(start, start + POSITIONS_PER_READ);
    rows.push(...(await events.selectAll().where('idx', 'in', some).execute()));
  }
  return storedEvents(db, tenant, rows);
}
