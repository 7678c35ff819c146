import { z } from 'zod';

// What OpenLineage 2-0-2 asks of a run event and of the facets that we send, in our own words: its schema comes in no npm package, and
// texts of others are not copied here. Strict, so that a member by a wrong name is found; facets of our own begin with our name.

const uri = z.string().regex(/^[a-z][a-z0-9+.-]*:[^\s]+$/i);
const uuid = z.string().regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
const facet = <S extends z.ZodRawShape>(name: string, shape: S) =>
  z.strictObject({ _producer: uri, _schemaURL: uri.refine((url) => url.includes(name)), ...shape });
const job = { namespace: z.string().min(1), name: z.string().min(1) };
const count = z.int().min(0);

export const runEventSchema = z.strictObject({
  eventType: z.enum(['START', 'RUNNING', 'COMPLETE', 'ABORT', 'FAIL', 'OTHER']),
  eventTime: z.iso.datetime(),
  producer: uri,
  schemaURL: z.literal('https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent'),
  run: z.strictObject({
    runId: uuid,
    facets: z.strictObject({
      parent: facet('ParentRunFacet', { run: z.strictObject({ runId: uuid }), job: z.strictObject(job) }).optional(),
      errorMessage: facet('ErrorMessageRunFacet', { message: z.string(), programmingLanguage: z.string() }).optional(),
      sluice_ingestion: facet('urn:sluice:lineage:ingestion:v1', {
        requestId: uuid,
        connector: z.string(),
        run: z.string().optional(),
        documents: z.strictObject({ written: count, unchanged: count, deleted: count, failed: count }).optional(),
        errors: z.record(z.string(), count).optional(),
      }),
    }),
  }),
  job: z.strictObject({
    ...job,
    facets: z.strictObject({
      jobType: facet('JobTypeJobFacet', { processingType: z.string(), integration: z.string(), jobType: z.string() }),
    }),
  }),
  inputs: z.array(z.strictObject(job)),
  outputs: z.array(
    z.strictObject({
      ...job,
      outputFacets: z.strictObject({ outputStatistics: facet('OutputStatisticsOutputDatasetFacet', { rowCount: count }) }).optional(),
    }),
  ),
});

export type RunEvent = z.infer<typeof runEventSchema>;
