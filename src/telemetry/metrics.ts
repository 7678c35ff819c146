import { Counter as PromCounter, Gauge as PromGauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { Attributes, Counter, Gauge } from '../core/ports/telemetry.ts';

interface CounterSpec {
  readonly help: string;
  readonly labels: readonly string[];
}

/** Every counter and its labels. A label that is not listed is dropped, so no id can become a time series. */
const COUNTERS: Readonly<Record<Counter, CounterSpec>> = {
  hits_refused: { help: 'Hits that the index passed and the second key refused.', labels: ['reason'] },
  watch_alerts: {
    help: 'Thresholds of watching.yaml that somebody passed, by what is measured and what follows.',
    labels: ['kind', 'action'],
  },
  hits_unknown: { help: 'Hits whose chunk the catalog does not know.', labels: [] },
  shadow_decisions: { help: 'Requests decided under the revision in shadow too, by what it would have changed.', labels: ['outcome'] },
  bait_hits: { help: 'Bait that would have been in answers, each document once an answer.', labels: [] },
  bait_in_outputs: { help: 'Markers of bait in what models wrote: its text came past Sluice. Alarm on any.', labels: [] },
  outputs_checked: { help: 'Outputs of models that applications had checked.', labels: ['decision'] },
  keys_disagree: { help: 'Zones on which the two keys differ. Alarm on any.', labels: [] },
  releases: { help: 'Answers released.', labels: ['outcome'] },
  rejudged: { help: 'Releases judged again because the epoch moved.', labels: [] },
  chunks_released: { help: 'Chunks released to callers.', labels: [] },
  chunks_indexed: { help: 'Chunks written to the vector index.', labels: [] },
  documents_ingested: { help: 'Documents handed over for ingestion.', labels: ['outcome'] },
  audit_failures: { help: 'Audit records that could not be written. Nothing was released.', labels: [] },
  audit_worker_restarts: { help: 'Deaths of the thread that reads and indexes the audit log.', labels: [] },
  checkpoint_failures: { help: 'Checkpoints that could not be made or given outside, by where it failed.', labels: ['part'] },
  intents_swept: { help: 'Intents that got no release and no error in time, and an error event instead.', labels: [] },
  outbound_failures: { help: 'Failed outbound calls.', labels: ['part'] },
  drift_found: { help: 'Points that differed from the catalog, by kind.', labels: ['kind'] },
  drift_mended: { help: 'Of these, mended.', labels: ['kind'] },
  lineage_events: { help: 'Deliveries of lineage events, and events that were dropped.', labels: ['outcome'] },
  index_repairs: { help: 'Repairs of the vector index from the catalog.', labels: [] },
};

const GAUGES: Readonly<Record<Gauge, string>> = {
  signing_keys_missing: 'Keys that the deployment signs with and this replica does not have. Alarm on any.',
  lineage_queue: 'Lineage events that wait to be delivered.',
  watch_subjects: 'Users and clients whose reading this replica keeps count of.',
  reconciliation_last_end_seconds: 'When the last comparison of the whole index with the catalog ended, seconds since 1970.',
  reconciliation_last_drift: 'Differences that it found.',
  reconciliation_last_failed: '1 where it could not be finished.',
  audit_checkpoint_last_seconds: 'When this replica last signed a checkpoint, seconds since 1970.',
  audit_checkpoint_last_size: 'Events under it.',
  audit_outside_last_seconds: 'When a place outside last took a checkpoint, seconds since 1970.',
  audit_index_behind: 'Events of all tenants that are not indexed yet.',
  audit_logs_halted: 'Tenants whose log does not fit a checkpoint of it. Alarm on any.',
};

const STEP_BUCKETS = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const HTTP_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export interface HttpObservation {
  /** The route's pattern, never the path: ids do not become labels. */
  readonly route: string;
  readonly method: string;
  readonly status: number;
  readonly seconds: number;
}

export interface Metrics {
  readonly registry: Registry;
  count(counter: Counter, labels: Attributes, by: number): void;
  gauge(gauge: Gauge, value: number): void;
  observeStep(step: string, seconds: number): void;
  observeHttp(observation: HttpObservation): void;
}

function counters(registry: Registry): ReadonlyMap<Counter, PromCounter> {
  const made = new Map<Counter, PromCounter>();
  for (const name of Object.keys(COUNTERS) as Counter[]) {
    const { help, labels } = COUNTERS[name];
    made.set(name, new PromCounter({ name: `sluice_${name}_total`, help, labelNames: [...labels], registers: [registry] }));
  }
  return made;
}

function gaugesOf(registry: Registry): ReadonlyMap<Gauge, PromGauge> {
  const names = Object.keys(GAUGES) as Gauge[];
  return new Map(names.map((name) => [name, new PromGauge({ name: `sluice_${name}`, help: GAUGES[name], registers: [registry] })]));
}

function declaredLabels(counter: Counter, labels: Attributes): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of COUNTERS[counter].labels) kept[name] = String(labels[name] ?? 'unknown');
  return kept;
}

/** A registry of its own: two services in one process do not share time series. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const byName = counters(registry);
  const gauges = gaugesOf(registry);
  const steps = new Histogram({
    name: 'sluice_step_duration_seconds',
    help: 'Time spent in one step of a request.',
    labelNames: ['step'],
    buckets: STEP_BUCKETS,
    registers: [registry],
  });
  const http = new Histogram({
    name: 'sluice_http_request_duration_seconds',
    help: 'Time from the request head to the end of the answer.',
    labelNames: ['route', 'method', 'status'],
    buckets: HTTP_BUCKETS,
    registers: [registry],
  });
  return {
    registry,
    count(counter, labels, by) {
      byName.get(counter)?.inc(declaredLabels(counter, labels), by);
    },
    gauge: (gauge, value) => gauges.get(gauge)?.set(value),
    observeStep(step, seconds) {
      steps.observe({ step }, seconds);
    },
    observeHttp({ route, method, status, seconds }) {
      http.observe({ route, method, status: String(status) }, seconds);
    },
  };
}
