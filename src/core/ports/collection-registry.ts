import type { JsonObject } from '../json.ts';

/** What the vectors of a collection were made with: models, dimensions, versions. A mismatch at start is an error. */
export interface CollectionRegistry {
  collectionIdentity(collection: string): Promise<JsonObject | undefined>;
  /** The first one recorded stays; the answer is the one in force. */
  recordCollectionIdentity(collection: string, identity: JsonObject): Promise<JsonObject>;
}
