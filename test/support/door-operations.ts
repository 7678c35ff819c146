import type { OpenApi, Operation } from './openapi.ts';

const READS =
  /^(?:query_(?:points|batch_points|points_groups)|search_(?:points|batch_points|point_groups)|recommend_(?:points|batch_points|point_groups)|discover_(?:points|batch_points)|scroll_points|count_points|facet|get_points?|get_collection|get_collections|collection_exists|get_collection_aliases|get_collections_aliases)$/;
const WRITES =
  /^(?:upsert_points|delete_points|update_vectors|delete_vectors|set_payload|overwrite_payload|delete_payload|clear_payload|batch_update|create_field_index|delete_field_index)$/;

/** Operations that answer with points or about them. */
export function readsOf(api: OpenApi): readonly Operation[] {
  return api.operations.filter(({ name }) => READS.test(name));
}

/** Operations that change points and indexes of a collection. */
export function writesOf(api: OpenApi): readonly Operation[] {
  return api.operations.filter(({ name }) => WRITES.test(name));
}

/** Everything else that Qdrant has: the door refuses it. */
export function othersOf(api: OpenApi): readonly Operation[] {
  return api.operations.filter(({ name }) => !READS.test(name) && !WRITES.test(name));
}
