import { createFrontier } from '../../core/tlog/frontier.ts';
import { HASH_SIZE } from '../../core/tlog/merkle.ts';
import { TILE_WIDTH, tileWidth } from '../../core/tlog/tiles.ts';
import type { Database } from '../../database/database.ts';
import { indexedSize, readTile, rootAt } from '../index/read-tiles.ts';
import type { LogAndIndex } from '../index/open-index.ts';
import { logSize as sizeOf } from '../read-events.ts';
import { growByLog } from './leaves-of-log.ts';
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

/**
 * `cannot-tell`: nothing contradicts, but the log is too long to be computed and its index is not built. To be asked again before
 * anything is signed.
 */
export type Comparison = { readonly kind: 'same' } | { readonly kind: 'cannot-tell' } | ({ readonly kind: 'rolled-back' } & RolledBack);

/** Trees up to this size are computed from the events where the index cannot tell. */
const COMPUTED_UP_TO = 2_000_000;
const UNSIGNED = 'it holds checkpoints that no key of this deployment signed';

export interface RollbackParts {
  readonly databases: LogAndIndex;
  readonly places: readonly Place[];
  /** A place outside that cannot be asked is not a reason to stand still; it is said. */
  readonly unreachable: (place: Place, error: unknown) => void;
  readonly placeMs: number;
  readonly computedUpTo: number | undefined;
}

/** Compares one log with what places outside and the database hold of it. */
export async function compareLog(parts: RollbackParts, tenant: string): Promise<Comparison> {
  const { log } = parts.databases;
  // Not by its checkpoints: whoever took events out of the database takes those out too, and the name is what places outside know it by.
  const origin = await currentOrigin(log.db, tenant);
  if (origin === undefined) return { kind: 'same' };
  const signed = await newestCheckpoint(log.db, tenant);
  const logSize = await sizeOf(log.db, tenant);
  const holders = await Promise.all(parts.places.map(async (place) => ({ name: place.name, held: await ask(parts, place, origin) })));
  const own: Held = signed === undefined ? { kind: 'none' } : { kind: 'held', ...signed };
  const all = [{ name: 'the database', held: own }, ...holders];
  let isWhole = true;
  for (const { name, held } of all) {
    if (held.kind !== 'held') continue;
    const found = { kind: 'rolled-back' as const, tenant, place: name, size: held.size, logSize };
    if (held.size > logSize) return { ...found, reason: 'smaller' };
    const root = await rootOf(parts, tenant, held.size);
    if (root === undefined) isWhole = false;
    else if (root !== held.root) return { ...found, reason: 'other-root' };
  }
  return { kind: isWhole ? 'same' : 'cannot-tell' };
}

/** Logs that a place holds checkpoints of, and of which the database knows nothing: it was exchanged for an older or another one. */
export async function unknownLogs({ databases: { log }, places, unreachable }: RollbackParts): Promise<readonly string[]> {
  const known = await log.db.selectFrom('audit_origins').select('origin').execute();
  const ids = new Set(known.map(({ origin }) => originId(origin)));
  const held = await Promise.all(
    places.map(async (place) => {
      const found = await place.ids().catch((error: unknown) => {
        unreachable(place, error);
        return [];
      });
      return found.filter((id) => !ids.has(id)).map((id) => `${id} (${place.name})`);
    }),
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

/** From the index where its last leaf is still the log's, else from the events; undefined where that would take too long. */
async function rootOf(
  { databases, computedUpTo = COMPUTED_UP_TO }: RollbackParts,
  tenant: string,
  size: number,
): Promise<string | undefined> {
  const { log, index } = databases;
  if (await isOfThisLog(log, index, tenant)) {
    const root = await rootAt(index.db, tenant, size);
    if (root !== undefined) return root;
  }
  return size > computedUpTo ? undefined : computedRoot(log, tenant, size);
}

/** The index of a database that was exchanged under it still holds the tree of the other one. */
async function isOfThisLog(log: Database, index: Database, tenant: string): Promise<boolean> {
  const size = await indexedSize(index.db, tenant);
  if (size === 0) return false;
  const last = size - 1;
  const tile = Math.floor(last / TILE_WIDTH);
  const hashes = await readTile(index.db, tenant, { level: 0, index: tile, width: tileWidth(size, 0, tile) });
  const row = await log.db
    .selectFrom('audit_events')
    .select('leaf')
    .where('tenant', '=', tenant)
    .where('idx', '=', last)
    .executeTakeFirst();
  const at = (last % TILE_WIDTH) * HASH_SIZE;
  return hashes !== undefined && row?.leaf === Buffer.from(hashes.subarray(at, at + HASH_SIZE)).toString('hex');
}

/** No root where events are missing, which is none that anybody signed. */
async function computedRoot({ db }: Database, tenant: string, size: number): Promise<string> {
  const tree = createFrontier();
  return (await growByLog(db, tenant, tree, size)) ? Buffer.from(tree.root()).toString('hex') : '';
}
