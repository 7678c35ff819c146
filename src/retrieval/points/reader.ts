import type { Attributes } from '../../core/ports/telemetry.ts';
import type { PointsQuestion } from '../../core/points/question.ts';
import { presence } from '../../core/presence.ts';
import { purposeOf } from '../../core/purpose.ts';
import { askPoints } from './ask.ts';
import type { PointsParts } from './parts.ts';
import { placeOf, placesOf } from './place.ts';
import type { PointsContext, PointsReader } from './types.ts';

/** What the Qdrant-compatible door reads through. */
export function createPointsReader(given: PointsParts): PointsReader {
  const parts = { ...given, catalog: { ...given.catalog, chunkSecret: remembered(given.catalog.chunkSecret) } };
  return {
    async collections({ caller, purpose }) {
      const here = await presence(parts.catalog, caller);
      return placesOf(parts, here, purposeOf(parts.policy, purpose)).map(({ visible }) => visible);
    },
    async collection({ caller, purpose }, name) {
      const here = await presence(parts.catalog, caller);
      return placeOf(parts, here, purposeOf(parts.policy, purpose), name)?.visible;
    },
    ask: (context, name, question, compose) =>
      parts.telemetry.span(
        `retrieval ${context.caller.tenant}`,
        attributesOf(context, name, question),
        () => askPoints(parts, context, name, question, compose),
        ({ released }) => ({ 'sluice.chunks.released': released }),
      ),
  };
}

/** It never changes. A failure is not remembered. */
function remembered(read: () => Promise<string>): () => Promise<string> {
  let known: string | undefined;
  return async () => (known ??= await read());
}

/** As `inRetrievalSpan` names things: never what was asked, nor who asked. */
function attributesOf({ caller, requestId }: PointsContext, name: string, question: PointsQuestion): Attributes {
  const [first] = question.kind === 'search' ? question.searches : [question.kind === 'groups' ? question.search : undefined];
  return {
    'gen_ai.operation.name': 'retrieval',
    'gen_ai.provider.name': 'sluice',
    'gen_ai.data_source.id': `${caller.tenant}/${name}`,
    ...(first === undefined ? {} : { 'gen_ai.request.top_k': first.limit }),
    'sluice.request.id': requestId,
  };
}
