import type { Caller } from '../core/caller.ts';
import type { Attributes, Telemetry } from '../core/ports/telemetry.ts';
import type { RetrieveAnswer, RetrieveRequest } from './types.ts';

/**
 * The span of a retrieval as the GenAI semantic conventions of OpenTelemetry 1.41 name things (status: development). Of what they offer,
 * the text of the query and the documents are never sent, whatever is configured: spans leave without policy, and are kept where no
 * erasure reaches. Nor is it said who asked.
 */
export function inRetrievalSpan(
  telemetry: Pick<Telemetry, 'span'>,
  caller: Pick<Caller, 'tenant'>,
  request: RetrieveRequest,
  run: () => Promise<RetrieveAnswer>,
): Promise<RetrieveAnswer> {
  const attributes = attributesOf(caller, request);
  return telemetry.span(`retrieval ${caller.tenant}`, attributes, run, ({ chunks, label }) => ({
    'sluice.chunks.released': chunks.length,
    ...(label === undefined ? {} : { 'sluice.label.level': label.level, 'sluice.label.trust': label.trust }),
  }));
}

function attributesOf({ tenant }: Pick<Caller, 'tenant'>, { requestId, limit, restriction: { sources } }: RetrieveRequest): Attributes {
  const [only, ...others] = sources ?? [];
  return {
    'gen_ai.operation.name': 'retrieval',
    'gen_ai.provider.name': 'sluice',
    // What a tenant may be asked about is one data source; where a single source is named, that.
    'gen_ai.data_source.id': only === undefined || others.length > 0 ? tenant : `${tenant}/${only}`,
    'gen_ai.request.top_k': limit,
    'sluice.request.id': requestId,
  };
}
