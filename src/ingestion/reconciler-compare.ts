import type { DocumentKey } from '../core/ids.ts';
import type {
  ChunkRecord,
  DriftCatalog,
  DriftKind,
  DriftPlace,
  DriftScope,
  IndexedPoint,
  IndexInspection,
  PointId,
} from '../core/ports/drift.ts';
import type { AccessPayload } from '../core/ports/vectors.ts';

export interface CompareParts {
  readonly catalog: DriftCatalog;
  readonly index: IndexInspection;
}

/** What a run is at: whose chunks, and in which collection. */
export interface Ground {
  readonly scope: DriftScope;
  readonly place: DriftPlace;
}

/** One difference, with everything that was read of it. */
export interface Drift {
  readonly kind: DriftKind;
  readonly id: PointId;
  readonly point: IndexedPoint | undefined;
  readonly record: ChunkRecord | undefined;
  readonly access: AccessPayload | undefined;
}

export interface ComparedPage {
  readonly suspects: readonly PointId[];
  /** Chunks of the catalog that were passed. */
  readonly chunks: number;
  /** Up to where both sides were read; undefined at the end of both. */
  readonly end: PointId | undefined;
}

/** Numbers first, then UUIDs as text: the order in which the index lists its points. */
function isAfter(a: PointId, b: PointId): boolean {
  if (typeof a !== typeof b) return typeof a === 'string';
  return a > b;
}

/**
 * Reads the next part of both sides in the order of ids and names those that do not agree. The index is read first: a point that
 * is in it was staged before, so the catalog, read afterwards, knows it.
 */
export async function comparePage(
  { catalog, index }: CompareParts,
  { scope, place }: Ground,
  position: PointId | undefined,
  size: number,
  signal: AbortSignal,
): Promise<ComparedPage> {
  const points = await index.scan(place, scope, position, size, signal);
  const records = await catalog.chunkRecords(scope, place, typeof position === 'string' ? position : '', size);
  // A side that gave a full page ends there: of what lies beyond, nothing is known of it yet.
  const ends = [points.length === size ? points.at(-1)?.id : undefined, records.length === size ? records.at(-1)?.chunk : undefined];
  const end = ends.reduce((first, one) => (first === undefined || (one !== undefined && isAfter(first, one)) ? one : first));
  const within = (id: PointId): boolean => end === undefined || !isAfter(id, end);
  const here = { points: points.filter(({ id }) => within(id)), records: records.filter(({ chunk }) => within(chunk)) };
  const drifts = await differences({ catalog, index }, place, here.points, here.records);
  return { suspects: drifts.map(({ id }) => id), chunks: here.records.length, end };
}

/** What is true of these ids now. What another replica was just writing, publishing or deleting agrees by now. */
export async function confirm(
  parts: CompareParts,
  { scope, place }: Ground,
  ids: readonly PointId[],
  signal: AbortSignal,
): Promise<readonly Drift[]> {
  if (ids.length === 0) return [];
  const points = await parts.index.lookUp(place, ids, signal);
  const records = await parts.catalog.chunkRecordsOf(ids.filter((id) => typeof id === 'string'));
  // A tenant's run must not touch what is another's, whatever a point says of itself.
  const ours = ({ record }: Drift): boolean => scope.kind === 'everything' || record === undefined || record.tenant === scope.tenant;
  return (await differences(parts, place, points, records)).filter(ours);
}

async function differences(
  { catalog }: CompareParts,
  place: DriftPlace,
  points: readonly IndexedPoint[],
  records: readonly ChunkRecord[],
): Promise<readonly Drift[]> {
  const pointOf = new Map(points.map((point) => [point.id, point]));
  const recordOf = new Map<PointId, ChunkRecord>(records.map((record) => [record.chunk, record]));
  const live = records.filter(({ state }) => state === 'live');
  const accessOf = await accesses(catalog, live);
  const ids = new Set<PointId>([...pointOf.keys(), ...recordOf.keys()]);
  return [...ids].flatMap((id) => {
    const [point, record] = [pointOf.get(id), recordOf.get(id)];
    const access = record === undefined ? undefined : accessOf.get(`${record.tenant} ${record.key}`);
    const kind = driftOf(point, record, access, place);
    return kind === undefined ? [] : [{ kind, id, point, record, access }];
  });
}

function driftOf(
  point: IndexedPoint | undefined,
  record: ChunkRecord | undefined,
  access: AccessPayload | undefined,
  place: DriftPlace,
): DriftKind | undefined {
  // A chunk whose point belongs into another collection has none to have here.
  const state = record === undefined || !liesIn(place, record) ? 'dead' : record.state;
  switch (state) {
    case 'staged':
    case 'moving':
      return undefined;
    case 'dead':
      return point === undefined ? undefined : 'extra';
    case 'live':
      // Deleted since the record was read.
      if (access === undefined) return undefined;
      if (point === undefined) return 'missing';
      return point.agrees(access) ? undefined : 'stale';
    default:
      return state satisfies never;
  }
}

function liesIn(place: DriftPlace, { tenant, collection }: ChunkRecord): boolean {
  return place.kind === 'own' ? collection === undefined : collection === place.key && tenant === place.tenant;
}

async function accesses(catalog: DriftCatalog, records: readonly ChunkRecord[]): Promise<ReadonlyMap<string, AccessPayload>> {
  const found = new Map<string, AccessPayload>();
  const byTenant = Map.groupBy(records, ({ tenant }) => tenant);
  for (const [tenant, some] of byTenant) {
    const keys: readonly DocumentKey[] = [...new Set(some.map(({ key }) => key))];
    for (const [key, access] of await catalog.accessPayloads(tenant, keys)) found.set(`${tenant} ${key}`, access);
  }
  return found;
}
