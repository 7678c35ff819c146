import type { ChunkId, CollectionKey, CollectionName, DocumentKey, TenantId } from '../ids.ts';
import type { AccessPayload } from './vectors.ts';

/** One tenant, or all of them together with points that are nobody's. */
export type DriftScope = { readonly kind: 'tenant'; readonly tenant: TenantId } | { readonly kind: 'everything' };

/** One collection of the index: Sluice's own, or a hosted one, all of which is its tenant's. */
export type DriftPlace =
  | { readonly kind: 'own' }
  | { readonly kind: 'hosted'; readonly tenant: TenantId; readonly key: CollectionKey; readonly name: CollectionName };

/** A place in the order of ids: first numbers, which no chunk of ours has, then UUIDs. */
export type PointId = string | number;

/** A point as the index holds it. What its payload says is known to the index alone; here it can only be compared. */
export interface IndexedPoint {
  readonly id: PointId;
  agrees(access: AccessPayload): boolean;
  /** `acl_v` as it was read; `none` where it is missing or no number. */
  readonly revision: number | 'none';
}

/** The index as the reconciler sees it. All fail with `index_unavailable`; a hosted collection that is lost holds no points. */
export interface IndexInspection {
  /** In the order of ids, those after `after`. */
  scan(
    place: DriftPlace,
    scope: DriftScope,
    after: PointId | undefined,
    limit: number,
    signal: AbortSignal,
  ): Promise<readonly IndexedPoint[]>;
  /** Whatever there is of these, whosever it is. */
  lookUp(place: DriftPlace, ids: readonly PointId[], signal: AbortSignal): Promise<readonly IndexedPoint[]>;
  /**
   * Rewrites what filters look at in this point alone, unless its revision is another one by now: then somebody newer was here. A hosted
   * point that says no revision is closed to everybody first, and to be looked at again: its indexes may still hold what it lost.
   */
  replaceAccess(place: DriftPlace, point: IndexedPoint, access: AccessPayload, signal: AbortSignal): Promise<void>;
  remove(place: DriftPlace, ids: readonly PointId[], signal: AbortSignal): Promise<void>;
}

/**
 * `live`: the index must hold its point. `moving`: its document is pending or its source or collection is being deleted, so the mender is at
 * it. `staged`: it may. `dead`: it should not.
 */
export interface ChunkRecord {
  readonly tenant: TenantId;
  readonly chunk: ChunkId;
  readonly key: DocumentKey;
  /** Absent: its point lies in Sluice's own collection. */
  readonly collection?: CollectionKey;
  readonly state: 'live' | 'moving' | 'staged' | 'dead';
}

export interface StoredText {
  readonly chunk: ChunkId;
  readonly text: string;
  readonly path: readonly string[];
  readonly title: string;
  readonly language: string;
}

export const DRIFT_KINDS = ['missing', 'extra', 'stale'] as const;
/** `missing`: a live chunk without its point. `extra`: a point of no live or staged chunk. `stale`: a payload that is not the catalog's. */
export type DriftKind = (typeof DRIFT_KINDS)[number];
export type DriftCounts = Readonly<Record<DriftKind, number>>;

export const NO_DRIFT: DriftCounts = { missing: 0, extra: 0, stale: 0 };

export interface RunProgress {
  /** Which collection is being compared; absent: Sluice's own, which is the first. */
  readonly place?: DriftPlace;
  /** The last id of it that was compared; undefined before the first. */
  readonly position: PointId | undefined;
  /** Chunks compared, of about how many. */
  readonly chunks: number;
  readonly total: number;
  readonly found: DriftCounts;
  readonly mended: DriftCounts;
  /** What was mended of each tenant, for its log. */
  readonly byTenant: Readonly<Record<string, DriftCounts>>;
  /** Points of each tenant's hosted collections, by name, that are missing: their vectors came from outside and cannot be made again. */
  readonly lost: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export interface Run {
  readonly id: string;
  readonly scope: DriftScope;
  readonly mode: 'check' | 'mend';
  readonly state: 'running' | 'done' | 'failed';
  readonly by: string;
  readonly through: string;
  readonly requestId: string;
  readonly progress: RunProgress;
  /** Milliseconds, database time. */
  readonly startedAt: number;
  readonly endedAt: number | undefined;
}

export type NewRun = Pick<Run, 'id' | 'scope' | 'mode' | 'by' | 'through' | 'requestId'>;

/** The catalog as the reconciler sees it. All fail with `catalog_unavailable`. */
export interface DriftCatalog {
  /** The next of the scope's live hosted collections in the order of their keys, after this one; undefined after the last. */
  nextPlace(scope: DriftScope, after: DriftPlace): Promise<DriftPlace | undefined>;
  /** Those of one collection, in the order of chunk ids, after `after`. */
  chunkRecords(scope: DriftScope, place: DriftPlace, after: string, limit: number): Promise<readonly ChunkRecord[]>;
  /** Unknown ids are missing. */
  chunkRecordsOf(chunks: readonly string[]): Promise<readonly ChunkRecord[]>;
  /** About how many chunks there are to compare, in all collections. */
  chunkTotal(scope: DriftScope): Promise<number>;
  /** What the index should hold of these documents now; deleted ones are missing. */
  accessPayloads(tenant: TenantId, keys: readonly DocumentKey[]): Promise<ReadonlyMap<DocumentKey, AccessPayload>>;
  storedTexts(tenant: TenantId, chunks: readonly ChunkId[]): Promise<readonly StoredText[]>;

  /** Makes a run with its lease, or gives the one that is under way in this scope, which `fresh: false` says. */
  beginRun(run: NewRun, holder: string, leaseMs: number): Promise<{ readonly run: Run; readonly fresh: boolean }>;
  /** The same, but only where the last run of the scope began at least `everyMs` ago. */
  beginDueRun(run: NewRun, everyMs: number, holder: string, leaseMs: number): Promise<Run | undefined>;
  /** Takes over a run whose holder has not been heard of for the length of its lease. */
  takeOverRun(holder: string, leaseMs: number): Promise<Run | undefined>;
  /** Keeps the lease. False where somebody else has taken the run over: stop. */
  saveRun(id: string, holder: string, progress: RunProgress, leaseMs: number): Promise<boolean>;
  endRun(id: string, holder: string, state: 'done' | 'failed', progress: RunProgress): Promise<boolean>;
  findRun(id: string): Promise<Run | undefined>;
  lastRun(scope: DriftScope): Promise<Run | undefined>;
}
