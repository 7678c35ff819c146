export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** Structured log. Fields never hold tokens, claims, document text, queries or vectors. */
export interface Log {
  debug(fields: Attributes, message: string): void;
  info(fields: Attributes, message: string): void;
  warn(fields: Attributes, message: string): void;
  /** `error` is logged with its stack and causes. */
  error(fields: Attributes, message: string, error?: unknown): void;
}

/** Counters, each with a fixed set of labels of low cardinality. Exposed as `sluice_<name>_total`. */
export type Counter =
  | 'hits_refused' // reason: a hit that the index passed and key two refused
  | 'watch_alerts' // kind and action: a threshold of watching.yaml was passed
  | 'hits_unknown' // a hit whose chunk the catalog does not know
  | 'shadow_decisions' // outcome: same | gains | loses | differs | failed | dropped
  | 'bait_hits' // bait that would have been in an answer
  | 'bait_in_outputs' // markers of bait in what a model wrote: its text came past us
  | 'outputs_checked' // decision: allow | flag | block
  | 'keys_disagree' // key one and key two differ on a zone: alarm
  | 'releases' // outcome: released | empty
  | 'rejudged' // a release whose epoch moved
  | 'chunks_released'
  | 'chunks_indexed'
  | 'documents_ingested' // outcome: created | changed | unchanged | refused
  | 'audit_failures'
  | 'audit_worker_restarts' // the thread that reads and indexes the log died
  | 'checkpoint_failures' // part: index | sign | outside | rollback
  | 'intents_swept'
  | 'outbound_failures' // part: qdrant | database | issuer | embedding
  | 'index_repairs'
  | 'lineage_events' // outcome: sent | retried | refused | dropped
  | 'drift_found' // kind: missing | extra | stale
  | 'drift_mended'; // the same

/** Values of the moment. Exposed as `sluice_<name>`. */
export type Gauge =
  | 'signing_keys_missing' // keys that the deployment signs with and this replica lacks: alarm on any
  | 'lineage_queue' // lineage events that wait to be delivered
  | 'watch_subjects' // users and clients whose reading this replica keeps count of
  | 'reconciliation_last_end_seconds' // when the last comparison of everything ended, seconds since 1970
  | 'reconciliation_last_drift' // how much it found
  | 'reconciliation_last_failed' // 1 where it could not be finished
  | 'audit_checkpoint_last_seconds' // when this replica last signed, seconds since 1970
  | 'audit_checkpoint_last_size' // of what
  | 'audit_outside_last_seconds' // when an outside place last took one
  | 'audit_index_behind' // events of all tenants that are not indexed yet
  | 'audit_logs_halted'; // tenants whose log does not fit a checkpoint: alarm on any

export interface Telemetry {
  readonly log: Log;
  /**
   * An OpenTelemetry span around `run`; the span ends with it and records a failure by code only. `describe`: attributes that are known
   * at the end.
   */
  span<T>(name: string, attributes: Attributes, run: () => Promise<T>, describe?: (result: T) => Attributes): Promise<T>;
  count(counter: Counter, labels?: Attributes, by?: number): void;
  gauge(gauge: Gauge, value: number): void;
  /** Seconds, into `sluice_step_duration_seconds{step}`. */
  observeStep(step: string, seconds: number): void;
}

/** For tests and tools that measure nothing. */
export const silentTelemetry: Telemetry = {
  log: { debug() {}, info() {}, warn() {}, error() {} },
  span: (_name, _attributes, run) => run(),
  count() {},
  gauge() {},
  observeStep() {},
};
