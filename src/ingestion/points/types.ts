import type { PointId } from '../../core/points/point-id.ts';
import type { PointFilter } from '../../core/points/question.ts';
import type { LosslessObject, RawJson } from '../../core/points/raw-json.ts';
import type { RequestContext } from '../types.ts';
import type { AccessFields } from './access-fields.ts';

/** A point as an application writes it. */
export interface PointWrite {
  readonly id: PointId;
  /** One vector or an object of named ones, as Qdrant takes it; checked for its shape. */
  readonly vector: RawJson;
  readonly payload: LosslessObject;
  /** Said of the point beside its payload, by whoever adopts a collection: each in place of what the profile would read there. */
  readonly said?: Partial<AccessFields>;
}

/** Which points a change is about. Of a filter, and of ids, only those that the caller may read and write. */
export type PointSelector = { readonly ids: readonly PointId[] } | { readonly filter: PointFilter<PointId> };

export type PointChange =
  | { readonly kind: 'upsert'; readonly points: readonly PointWrite[] }
  | { readonly kind: 'delete'; readonly which: PointSelector }
  /** Merged at the root, or below `key`. */
  | { readonly kind: 'set-payload'; readonly which: PointSelector; readonly payload: LosslessObject; readonly key?: string }
  | { readonly kind: 'overwrite-payload'; readonly which: PointSelector; readonly payload: LosslessObject; readonly key?: string }
  | { readonly kind: 'delete-payload'; readonly which: PointSelector; readonly keys: readonly string[] }
  | { readonly kind: 'clear-payload'; readonly which: PointSelector }
  | { readonly kind: 'update-vectors'; readonly points: readonly { readonly id: PointId; readonly vector: RawJson }[] }
  | { readonly kind: 'delete-vectors'; readonly which: PointSelector; readonly names: readonly string[] };

/**
 * Writes of the Qdrant-compatible door. All in one source: the one that the collection names for the calling application. Fails with
 * `not_found` where the caller may not see the collection, `forbidden` where it may not write there, and like a `PUT` of a document;
 * `invalid_request` and `unsupported_request` name the point by its place.
 */
export interface PointsWriter {
  /** Applied in order; each is whole or refused before anything of it is written. */
  change(context: RequestContext, collection: string, changes: readonly PointChange[]): Promise<void>;
  /** False where it was there already. Its points go into the source of the same name, in which the caller must be allowed to ingest. */
  createCollection(context: RequestContext, name: string, params: LosslessObject): Promise<boolean>;
  /** For owners (`label`) of every source that has points in it. False where there is none that the caller may see. */
  deleteCollection(context: RequestContext, name: string): Promise<boolean>;
  createIndex(context: RequestContext, collection: string, field: string, schema: LosslessObject | string): Promise<void>;
  deleteIndex(context: RequestContext, collection: string, field: string): Promise<void>;
}
