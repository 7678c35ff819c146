import { uuidOf } from './digest.ts';
import type { JsonObject } from './json.ts';

/** What one request wrote into one source. No person, no document and no text is named. */
export interface IngestionFacts {
  readonly tenant: string;
  readonly source: string;
  readonly requestId: string;
  /** As the writer named itself and its run; `api` and none where it did not. */
  readonly connector: string;
  readonly run: string | undefined;
  /** Milliseconds. */
  readonly at: number;
}

export interface IngestionCounts {
  readonly written: number;
  readonly unchanged: number;
  readonly deleted: number;
  readonly failed: number;
  /** How often each code of ours. */
  readonly errors: Readonly<Record<string, number>>;
}

export interface LineageNames {
  /** Of jobs and datasets; tells deployments apart in one backend. */
  readonly namespace: string;
  readonly version: string;
}

export type RunState = 'START' | 'COMPLETE' | 'FAIL';

const SCHEMA = 'https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent';
const JOB_TYPE = 'https://openlineage.io/spec/facets/2-0-3/JobTypeJobFacet.json#/$defs/JobTypeJobFacet';
const PARENT = 'https://openlineage.io/spec/facets/1-0-1/ParentRunFacet.json#/$defs/ParentRunFacet';
const ERROR = 'https://openlineage.io/spec/facets/1-0-1/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet';
const STATISTICS =
  'https://openlineage.io/spec/facets/1-0-2/OutputStatisticsOutputDatasetFacet.json#/$defs/OutputStatisticsOutputDatasetFacet';
const INGESTION = 'urn:sluice:lineage:ingestion:v1';

/** A run event of OpenLineage 2-0-2. A request is a run; the connector's own run is its parent, under an id made from its name. */
export function lineageEvent(state: RunState, facts: IngestionFacts, counts: IngestionCounts, names: LineageNames): JsonObject {
  const { tenant, source, requestId, connector, run, at } = facts;
  const producer = `urn:sluice:service:${encodeURIComponent(names.version)}`;
  const facet = (schema: string, content: JsonObject): JsonObject => ({ _producer: producer, _schemaURL: schema, ...content });
  const { namespace } = names;
  const name = `${tenant}/${source}`;
  const ended = state !== 'START';
  const { errors, ...documents } = counts;
  const parent = {
    run: { runId: uuidOf('lineage-run', tenant, source, connector, run ?? '') },
    job: { namespace, name: `connect ${name}` },
  };
  const ingestion = { requestId, connector, ...(run === undefined ? {} : { run }), ...(ended ? { documents, errors } : {}) };
  const failure = { message: Object.keys(errors).sort().join(', ') || 'it broke off', programmingLanguage: 'TypeScript' };
  const statistics = ended ? { outputFacets: { outputStatistics: facet(STATISTICS, { rowCount: counts.written }) } } : {};
  return {
    eventType: state,
    eventTime: new Date(at).toISOString(),
    producer,
    schemaURL: SCHEMA,
    run: {
      runId: uuidOf('lineage-request', requestId, source),
      facets: {
        sluice_ingestion: facet(INGESTION, ingestion),
        ...(run === undefined ? {} : { parent: facet(PARENT, parent) }),
        ...(state === 'FAIL' ? { errorMessage: facet(ERROR, failure) } : {}),
      },
    },
    job: {
      namespace,
      name: `ingest ${name}`,
      facets: { jobType: facet(JOB_TYPE, { processingType: 'BATCH', integration: 'SLUICE', jobType: 'JOB' }) },
    },
    inputs: connector === 'api' ? [] : [{ namespace: `${namespace}/connector/${connector}`, name }],
    outputs: [{ namespace, name, ...statistics }],
  };
}
