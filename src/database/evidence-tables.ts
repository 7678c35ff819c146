/**
 * Tables of the sequencer, in the database itself: they must outlive the derived index. A row of `audit_checkpoints` is written once;
 * sizes grow within an origin.
 */
export interface SequencerTables {
  audit_lease: AuditLeaseRow;
  audit_origins: AuditOriginRow;
  audit_checkpoints: AuditCheckpointRow;
  audit_outside: AuditOutsideRow;
  audit_wanted: AuditWantedRow;
}

/**
 * Tables of the derived index: everything here can be deleted and is built again from `audit_events`. On SQLite they lie in a file of
 * their own, on PostgreSQL beside the others.
 */
export interface IndexTables {
  audit_index_fence: AuditIndexFenceRow;
  audit_index_logs: AuditIndexLogRow;
  audit_tiles: AuditTileRow;
  audit_edges: AuditEdgeRow;
  audit_sublogs: AuditSublogRow;
  audit_sublog_blocks: AuditSublogBlockRow;
  audit_map_buckets: AuditMapBucketRow;
  audit_map_tiles: AuditMapTileRow;
  audit_open_intents: AuditOpenIntentRow;
}

/** Who builds the index and signs. One row, `name` is `sequencer`. */
export interface AuditLeaseRow {
  name: string;
  holder: string;
  /** Counts holders; whoever writes proves that it is still theirs. */
  term: number;
  /** Database time, milliseconds. */
  until: number;
}

/** The names under which a tenant's log is known outside, the last one in force. */
export interface AuditOriginRow {
  tenant: string;
  /** From 0. */
  number: number;
  origin: string;
  since: number;
  /** Why the one before was given up; empty for the first. */
  reason: string;
}

export interface AuditCheckpointRow {
  tenant: string;
  origin: string;
  size: number;
  /** Hex. */
  root: string;
  /** Hex. */
  map: string;
  /** The signed note, cosignatures of witnesses included. */
  note: string;
  /** Database time, milliseconds. */
  at: number;
}

/** The largest checkpoint that a place outside is known to hold. */
export interface AuditOutsideRow {
  origin: string;
  place: string;
  size: number;
  at: number;
}

/** A replica that does not hold the lease asks for a checkpoint of at least this size. */
export interface AuditWantedRow {
  tenant: string;
  size: number;
}

/** One row, id 1. The highest term that ever wrote here: a paused holder of an older one can write nothing any more. */
export interface AuditIndexFenceRow {
  id: number;
  term: number;
}

/** How far a tenant's log is indexed. */
export interface AuditIndexLogRow {
  tenant: string;
  /** Events indexed. */
  size: number;
  /** The running hash over the leaves, as `audit_heads.head` holds it at this size. */
  head: string;
  /** The size whose sub-logs the map holds. */
  map_size: number;
  /** Hex. */
  map_root: string;
}

/** A full tile of tlog-tiles: 256 hashes. */
export interface AuditTileRow {
  tenant: string;
  level: number;
  idx: number;
  hashes: Uint8Array;
}

/** The partial tile at the right edge of a level, up to 255 hashes, at the indexed size. */
export interface AuditEdgeRow {
  tenant: string;
  level: number;
  /** Which tile of its level it will be. */
  idx: number;
  hashes: Uint8Array;
}

export interface AuditSublogRow {
  tenant: string;
  /** 32 bytes: `subLogKey`. */
  key: Uint8Array;
  /** Positions in it. */
  size: number;
  /** 32 bytes. */
  head: Uint8Array;
  /** Full blocks before `tail`. */
  blocks: number;
  /** Positions since the last full block, as in a block. */
  tail: Uint8Array;
  /** 1 where it grew since the map was built. */
  dirty: number;
}

/** 512 positions of a sub-log, ascending: the first, then the distance of each to the one before, as unsigned LEB128. */
export interface AuditSublogBlockRow {
  tenant: string;
  key: Uint8Array;
  /** From 0. */
  block: number;
  /** Its first position. */
  first: number;
  positions: Uint8Array;
}

/** The map's entries whose keys begin with these two bytes, sorted: key and value, 32 bytes each. */
export interface AuditMapBucketRow {
  tenant: string;
  bucket: number;
  entries: Uint8Array;
}

/** 256 hashes: of the buckets that begin with the byte `idx`, or, at 256, of these 256 tiles. */
export interface AuditMapTileRow {
  tenant: string;
  idx: number;
  hashes: Uint8Array;
}

/** An intent of which the index has seen neither release nor error. */
export interface AuditOpenIntentRow {
  tenant: string;
  idx: number;
  request_id: string;
  at: number;
}
