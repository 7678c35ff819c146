// Bounds of one request at this door (docs/qdrant-door.md). Results are clamped to them; what comes in is refused beyond them.

/** Points in one list. Clamped. */
export const MAX_LIMIT = 1_000;
/** Points left out before the first. Clamped. */
export const MAX_OFFSET = 10_000;
/** Points that a prefetch hands on. Clamped. */
export const MAX_PREFETCH_LIMIT = 10_000;
/** Points of one group. Clamped. */
export const MAX_GROUP_SIZE = 100;
/** Values of a facet. Clamped. */
export const MAX_FACET_LIMIT = 1_000;
/** Searches in one batch. */
export const MAX_BATCH = 64;
/** Ids in one list, and in all lists of one filter. */
export const MAX_IDS = 10_000;
/** Depth of filters within filters. */
export const MAX_FILTER_DEPTH = 8;
/** Conditions of one filter, at every depth together. */
export const MAX_CONDITIONS = 1_000;
/** Depth of prefetches within prefetches, and how many one search has in all. */
export const MAX_PREFETCH_DEPTH = 4;
export const MAX_PREFETCHES = 32;
/** Prefetches of all searches of one batch, and points left out before their lists: each is work that a small body can ask for. */
export const MAX_BATCH_PREFETCHES = 128;
export const MAX_BATCH_OFFSETS = 10_000;
/** Terms of one formula. */
export const MAX_TERMS = 256;
/** Examples of one recommendation, and pairs of one context. */
export const MAX_EXAMPLES = 256;
/** Numbers of one vector, over all its rows. */
export const MAX_VECTOR = 65_536;
/** Points of one write, and changes of one batch of them. */
export const MAX_POINTS = 10_000;
export const MAX_CHANGES = 100;
/** Keys or names in one list. */
export const MAX_NAMES = 256;
/** Breadth of a search in the graph. Clamped. */
export const MAX_HNSW_EF = 10_000;
export const MAX_OVERSAMPLING = 100;
/** Above it all positions of fused lists weigh the same. Clamped. */
export const MAX_RRF_K = 1_000_000;
/** Vectors that a collection has by name, of each kind. */
export const MAX_VECTORS = 32;
