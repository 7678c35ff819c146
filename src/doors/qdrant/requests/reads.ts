import type { PointId } from '../../../core/points/point-id.ts';
import { pointIdOf } from '../../../core/points/point-id.ts';
import type { PointsQuestion } from '../../../core/points/question.ts';
import type { LosslessJson, LosslessObject } from '../../../core/points/raw-json.ts';
import { MAX_FACET_LIMIT, MAX_IDS, MAX_LIMIT } from './bounds.ts';
import { filterOf, refuseUnsafe, selection } from './parts.ts';
import { orderBy } from './query.ts';
import { clamped, invalid, list, malformed, member, object, payloadKey, type Place, pointId, text } from './shape.ts';

const USUAL_PAGE = 10;
const USUAL_FACET = 10;
const MAX_CURSOR = 1_024;

function whole(body: LosslessJson): LosslessObject {
  const record = object({ value: body, at: '' });
  refuseUnsafe(record, '');
  return record;
}

/** Body of `points/scroll`. `offset` is what the page before gave as `next_page_offset`. */
export function parseScroll(body: LosslessJson): PointsQuestion {
  const record = whole(body);
  const cursor = member(record, 'offset', '');
  const order = member(record, 'order_by', '');
  if (cursor.value !== undefined && order.value !== undefined) invalid('', 'cannot use offset with order_by; use order_by.start_from');
  if (cursor.value !== undefined && text(cursor).length > MAX_CURSOR) malformed(cursor.at, 'not an offset of a page');
  return {
    kind: 'scroll',
    page: {
      ...filterOf(record, ''),
      ...(cursor.value === undefined ? {} : { cursor: text(cursor) }),
      ...(order.value === undefined ? {} : { orderBy: orderBy(order) }),
      limit: clamped(member(record, 'limit', ''), 1, MAX_LIMIT, USUAL_PAGE),
      select: selection(record, '', true),
    },
  };
}

/** Body of `points/count`. */
export function parseCount(body: LosslessJson): PointsQuestion {
  return { kind: 'count', ...filterOf(whole(body), '') };
}

/** A list of ids. */
export function idList(place: Place): readonly PointId[] {
  const places = list(place);
  if (places.length > MAX_IDS) invalid(place.at, `at most ${MAX_IDS} ids`);
  return places.map(pointId);
}

/** Body of `points`. */
export function parsePoints(body: LosslessJson): PointsQuestion {
  const record = whole(body);
  return { kind: 'points', ids: idList(member(record, 'ids', '')), select: selection(record, '', true) };
}

/** Id in the path of `points/{id}`, which comes whole. */
export function parsePoint(id: string): PointsQuestion {
  const found = pointIdOf(id);
  if (found === undefined) return malformed('id', 'not a valid point ID');
  return { kind: 'points', ids: [found], select: { payload: { kind: 'all' }, vectors: { kind: 'all' } } };
}

/** Body of `facet`. */
export function parseFacet(body: LosslessJson): PointsQuestion {
  const record = whole(body);
  return {
    kind: 'facet',
    key: payloadKey(member(record, 'key', '')),
    ...filterOf(record, ''),
    limit: clamped(member(record, 'limit', ''), 1, MAX_FACET_LIMIT, USUAL_FACET),
  };
}
