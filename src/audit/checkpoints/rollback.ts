import { createFrontier } from '../../core/tlog/frontier.ts';
import type { Database } from '../../database/database.ts';
import { rootAt } from '../index/read-tiles.ts';
import type { LogAndIndex } from '../index/open-index.ts';
import { currentOrigin, originId } from './origins.ts';
import { newestCheckpoint } from './stored.ts';
import type { Held, Place } from './outside/place.ts';

/** The log of a tenant is not the one of which a checkpoint was given away. */
export interface RolledBack {
  readonly tenant: string;
  /** Who holds the checkpoint. */
  readonly place: string;
  /** Of the checkpoint. */
  readonly size: number;
  readonly logSize: number;
  /** `smaller`: events are missing. `other-root`: there are as many, and not the same. */
  readonly reason: 'smaller' | 'other-root';
}

/** Trees up to this size are computed from the events where the index cannot tell; of larger ones the sequencer tells later. */
const COMPUTED_UP_TO = 2_000_000;
const PAGE = 5_000;
const UNSIGNED = 'it holds checkpoints that no key of this deployment signed';

export interface RollbackParts {
  readonly databases: LogAndIndex;
  readonly places: readonly Place[];
  /** A place outside that cannot be asked is not a reason to stand still; it is said. */
  readonly unreachable: (place: Place, error: unknown) => void;
  readonly placeMs: number;
}

/** Compares one log with what places outside and the database hold of it. Undefined where it is the same log. */
export async function findRollback(parts: RollbackParts, tenant: string): Promise<RolledBack | undefined> {
  const { log } = parts.databases;
  // Not by its checkpoints: whoever took events out of the database takes those out too, and the name is what places outside know it by.
  const origin = await currentOrigin(log.db, tenant);
  if (origin === undefined) return undefined;
  const signed = await newestCheckpoint(log.db, tenant);
  const logSize = await sizeOf(log, tenant);
  const holders = await Promise.all(parts.places.map(async (place) => ({ name: place.name, held: await ask(parts, place, origin) })));
  const own: Held = signed === undefined ? { kind: 'none' } : { kind: 'held', ...signed };
  const all = [{ name: 'the database', held: own }, ...holders];
  for (const { name, held } of all) {
    if (held.kind !== 'held') continue;
    const found = { tenant, place: name, size: held.size, logSize };
    if (held.size > logSize) return { ...found, reason: 'smaller' };
    const root = await rootOf(parts.databases, tenant, held.size);
    if (root !== undefined && root !== held.root) return { ...found, reason: 'other-root' };
  }
  return undefined;
}

/** Logs that a place holds checkpoints of, and of which the database knows nothing: it was exchanged for an older or another one. */
export async function unknownLogs({ databases: { log }, places }: RollbackParts): Promise<readonly string[]> {
  const known = await log.db.selectFrom('audit_origins').select('origin').execute();
  const ids = new Set(known.map(({ origin }) => originId(origin)));
  const held = await Promise.all(
    places.map(async (place) => (await place.ids()).filter((id) => !ids.has(id)).map((id) => `${id} (${place.name})`)),
  );
  return held.flat();
}

/** For operators. Names no event and no content. */
export function rollbackMessage({ tenant, place, size, logSize, reason }: RolledBack): string {
  const what =
    reason === 'smaller'
      ? `the audit log of tenant ${tenant} has ${logSize} events, but ${place} holds a checkpoint of ${size}`
      : `the audit log of tenant ${tenant} does not lead to the checkpoint of size ${size} that ${place} holds`;
  return (
    `${what}. The database is older than what was given away, or it was changed. Restore the newest copy of the database; ` +
    `where there is none, sluice admin accept-rollback ${tenant} --reason <why> records the break and begins a new log name`
  );
}

async function ask({ placeMs, unreachable }: RollbackParts, place: Place, origin: string): Promise<Held> {
  try {
    const held = await place.last(origin, AbortSignal.timeout(placeMs));
    // Anybody may have put it there: it is said, and stops nothing.
    if (held.kind !== 'cannot-tell' && (held.strange ?? 0) > 0) unreachable(place, new Error(UNSIGNED));
    return held;
  } catch (error) {
    unreachable(place, error);
    return { kind: 'cannot-tell' };
  }
}

async function sizeOf({ db }: Database, tenant: string): Promise<number> {
  const row = await db.selectFrom('audit_heads').select('size').where('tenant', '=', tenant).executeTakeFirst();
  return row?.size ?? 0;
}

/** From the index where its last leaf is still the log's, else from the events; undefined where that would take too long. */
async function rootOf({ log, index }: LogAndIndex, tenant: string, size: number): Promise<string | undefined> {
  if (await isOfThisLog(log, index, tenant)) {
    const root = await rootAt(index.db, tenant, size);
    if (root !== undefined) return root;
  }
  return size > COMPUTED_UP_TO ? undefined : computedRoot(log, tenant, size);
}

/** The index of a database that was exchanged under it still holds the tree of the other one. */
async function isOfThisLog(log: Database, index: Database, tenant: string): Promise<boolean> {
  const edge = await index.db
    .selectFrom('audit_edges')
    .select(['idx', 'hashes'])
    .where('tenant', '=', tenant)
    .where('level', '=', 0)
    .executeTakeFirst();
  if (edge === undefined || edge.hashes.length === 0) return false;
  const last = edge.idx * 256 + edge.hashes.length / 32 - 1;
  const row = await log.db
    .selectFrom('audit_events')
    .select('leaf')
    .where('tenant', '=', tenant)
    .where('idx', '=', last)
    .executeTakeFirst();
  return row?.leaf === Buffer.from(edge.hashes.subarray(-32)).toString('hex');
}

async function computedRoot({ db }: Database, tenant: string, size: number): Promise<string> {
  const tree = createFrontier();
  while (tree.size() < size) {
    const rows = await db
      .selectFrom('audit_events')
      .select('leaf')
      .where('tenant', '=', tenant)
      .where('idx', '>=', tree.size())
      .where('idx', '<', Math.min(size, tree.size() + PAGE))
      .orderBy('idx')
      .execute();
    if (rows.length === 0) return '';
    for (const { leaf } of rows) tree.append(Buffer.from(leaf, 'hex'));
  }
  return Buffer.from(tree.root()).toString('hex');
}
