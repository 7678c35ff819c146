import { AppError } from '../../../core/errors.ts';
import type { PointId } from '../../../core/points/point-id.ts';
import { pointIdOf } from '../../../core/points/point-id.ts';
import type { PointsQuestion } from '../../../core/points/question.ts';
import type { LosslessJson, LosslessObject } from '../../../core/points/raw-json.ts';
import { MAX_FACET_LIMIT, MAX_IDS, MAX_LIMIT } from './bounds.ts';
import { filterOf, readSelection, refuseUnsafe } from './parts.ts';
import { orderBy } from './query.ts';
import {
  clamped,
  flag,
  given,
  list,
  malformed,
  maybe,
  member,
  object,
  payloadKey,
  type Place,
  pointId,
  senseless,
  text,
  unsupported,
} from './shape.ts';

const USUAL_PAGE = 10;
const USUAL_FACET = 10;
const MAX_CURSOR = 1_024;

function whole(body: LosslessJson): LosslessObject {
  const record = object({ value: body, at: '' });
  refuseUnsafe(record, '');
  return record;
}

function cursorOf(place: Place): string {
  // Points have no order by their own ids here: the ids of hidden ones would show in it.
  if (typeof place.value !== 'string')
    return unsupported(place.at, 'pages go on from the `next_page_offset` of the page before, not from an id');
  const cursor = text(place);
  return cursor.length <= MAX_CURSOR ? cursor : malformed(place.at, 'not an offset of a page');
}

/** Body of `points/scroll`. `offset` is what the page before gave as `next_page_offset`. */
export function parseScroll(body: LosslessJson): PointsQuestion {
  const record = whole(body);
  const cursor = member(record, 'offset', '');
  const order = member(record, 'order_by', '');
  if (cursor.value !== undefined && order.value !== undefined)
    senseless('cannot use an `offset` when using `order_by`; use `order_by.start_from`');
  return {
    kind: 'scroll',
    page: {
      ...filterOf(record, ''),
      ...(cursor.value === undefined ? {} : { cursor: cursorOf(cursor) }),
      ...(order.value === undefined ? {} : { orderBy: orderBy(order) }),
      limit: clamped(member(record, 'limit', ''), 1, MAX_LIMIT, USUAL_PAGE),
      select: readSelection(record, { kind: 'all' }),
    },
  };
}

/** Body of `points/count`. */
export function parseCount(body: LosslessJson): PointsQuestion {
  const record = whole(body);
  // Counts are exact, whatever is said.
  maybe(given(record, 'exact', ''), flag);
  return { kind: 'count', ...filterOf(record, '') };
}

/** A list of ids. */ function idList(place: Place): readonly PointId[] {
  return list(place, MAX_IDS).map(pointId);
}

/** Body of `points`. */
export function parsePoints(body: LosslessJson): PointsQuestion {
  const record = whole(body);
  return { kind: 'points', ids: idList(member(record, 'ids', '')), select: readSelection(record, { kind: 'none' }) };
}

/** Id in the path of `points/{id}`, which comes whole. */
export function parsePoint(id: string): PointsQuestion {
  // In a path Qdrant reads a number with leading zeros and a plus too.
  const found = pointIdOf(id.replace(/^\+?0*(?=\d+$)/, ''));
  if (found === undefined)
    throw new AppError('invalid_request', { issues: [{ pointer: '', message: 'Wrong input: not recognized as point id' }] });
  return { kind: 'points', ids: [found], select: { payload: { kind: 'all' }, vectors: { kind: 'all' } } };
}

/** Body of `facet`; counts are exact, whatever is said. */
export function parseFacet(body: LosslessJson): PointsQuestion {
  const record = whole(body);
  maybe(member(record, 'exact', ''), flag);
  return {
    kind: 'facet',
    key: payloadKey(member(record, 'key', '')),
    ...filterOf(record, ''),
    limit: clamped(member(record, 'limit', ''), 1, MAX_FACET_LIMIT, USUAL_FACET),
  };
}
