import { AppError } from '../../../core/errors.ts';
import type { LosslessJson } from '../../../core/points/raw-json.ts';
import type { AnswerPiece, Found, PointsQuestion } from '../../../core/points/question.ts';
import {
  countAnswer,
  facetAnswer,
  groupsAnswer,
  infoAnswer,
  queryAnswer,
  queryBatchAnswer,
  recordAnswer,
  recordsAnswer,
  scrollAnswer,
  searchAnswer,
  searchBatchAnswer,
  type Compose,
} from '../compose.ts';
import type { QdrantReply } from '../envelope.ts';
import {
  parseDiscover,
  parseDiscoverBatch,
  parseRecommend,
  parseRecommendBatch,
  parseRecommendGroups,
  parseSearch,
  parseSearchBatch,
  parseSearchGroups,
} from '../requests/legacy.ts';
import { parseCount, parseFacet, parsePoint, parsePoints, parseScroll } from '../requests/reads.ts';
import { parseQuery, parseQueryBatch, parseQueryGroups } from '../requests/search.ts';
import { paramOf, type Call, type Route } from '../route.ts';

type Parse = (body: LosslessJson) => PointsQuestion;

async function answered(call: Call, question: PointsQuestion, compose: Compose): Promise<QdrantReply> {
  const { services, context, startedAt } = call;
  const { body } = await services.reader.ask(context, paramOf(call, 'collection'), question, (found) => compose(found, startedAt));
  return { status: 200, text: body };
}

function read(path: string, parse: Parse, compose: Compose): Route {
  const handle = (call: Call): Promise<QdrantReply> => answered(call, parse(call.body), compose);
  return { kind: 'call', method: 'POST', path: `/collections/:collection/${path}`, scope: 'retrieve', body: true, handle };
}

async function onePoint(call: Call): Promise<QdrantReply> {
  const { services, context, startedAt } = call;
  const question = parsePoint(paramOf(call, 'id'));
  const [id] = question.kind === 'points' ? question.ids : [];
  if (id === undefined) throw new AppError('internal', { detail: 'a point without an id' });
  const compose = (found: Found): readonly AnswerPiece[] => recordAnswer(found, startedAt, id);
  const { body, released } = await services.reader.ask(context, paramOf(call, 'collection'), question, compose);
  return { status: released === 0 ? 404 : 200, text: body };
}

/** Reads of points. */
export const readRoutes: readonly Route[] = [
  read('points/query', parseQuery, queryAnswer),
  read('points/query/batch', parseQueryBatch, queryBatchAnswer),
  read('points/query/groups', parseQueryGroups, groupsAnswer),
  read('points/search', parseSearch, searchAnswer),
  read('points/search/batch', parseSearchBatch, searchBatchAnswer),
  read('points/search/groups', parseSearchGroups, groupsAnswer),
  read('points/recommend', parseRecommend, searchAnswer),
  read('points/recommend/batch', parseRecommendBatch, searchBatchAnswer),
  read('points/recommend/groups', parseRecommendGroups, groupsAnswer),
  read('points/discover', parseDiscover, searchAnswer),
  read('points/discover/batch', parseDiscoverBatch, searchBatchAnswer),
  read('points/scroll', parseScroll, scrollAnswer),
  read('points/count', parseCount, countAnswer),
  read('points', parsePoints, recordsAnswer),
  read('facet', parseFacet, facetAnswer),
  { kind: 'call', method: 'GET', path: '/collections/:collection/points/:id', scope: 'retrieve', body: false, handle: onePoint },
  {
    kind: 'call',
    method: 'GET',
    path: '/collections/:collection',
    scope: 'retrieve',
    body: false,
    handle: (call) => answered(call, { kind: 'info' }, infoAnswer),
  },
];
