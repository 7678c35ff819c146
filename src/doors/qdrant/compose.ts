import type { AnswerPiece, CollectionInfo, Found, FoundPoint, PointPayload } from '../../core/points/question.ts';
import { pointIdJson, pointIdText, type PointId } from '../../core/points/point-id.ts';
import { AppError } from '../../core/errors.ts';
import { after, BEFORE, refusalText, type StartedAt } from './envelope.ts';

/** Writes one answer around what was found. */
export type Compose = (found: Found, startedAt: StartedAt) => readonly AnswerPiece[];

/** Text in one piece for as long as no payload comes between. */
interface Page {
  readonly pieces: AnswerPiece[];
  text: string;
}

function written(found: Found, startedAt: StartedAt, write: (page: Page, found: Found) => void): readonly AnswerPiece[] {
  const page: Page = { pieces: [], text: BEFORE };
  write(page, found);
  page.pieces.push(page.text + after(startedAt));
  return page.pieces;
}

function addPayload(page: Page, payload: PointPayload): void {
  switch (payload.kind) {
    case 'none':
      return;
    case 'json':
      page.text += `,"payload":${payload.json}`;
      return;
    case 'whole':
      page.pieces.push(`${page.text},"payload":`, { payloadOf: payload.of });
      page.text = '';
  }
}

function addRest(page: Page, { payload, vector, orderValue }: FoundPoint): void {
  addPayload(page, payload);
  if (vector !== undefined) page.text += `,"vector":${vector}`;
  if (orderValue !== undefined) page.text += `,"order_value":${orderValue}`;
  page.text += '}';
}

/**
 * A scored point. Qdrant's `version` counts the writes of everybody into the collection, so it is 0 here, as in Qdrant's own answers
 * where no one segment is asked. A point that nothing scored has 1.0, as there.
 */
function addScored(page: Page, point: FoundPoint): void {
  page.text += `{"id":${pointIdJson(point.id)},"version":0,"score":${point.score ?? '1.0'}`;
  addRest(page, point);
}

function addRecord(page: Page, point: FoundPoint): void {
  page.text += `{"id":${pointIdJson(point.id)}`;
  addRest(page, point);
}

function addList<T>(page: Page, entries: readonly T[], add: (page: Page, entry: T) => void): void {
  page.text += '[';
  for (const [index, entry] of entries.entries()) {
    if (index > 0) page.text += ',';
    add(page, entry);
  }
  page.text += ']';
}

function other(found: Found): AppError {
  return new AppError('internal', { detail: `an answer of another kind: ${found.kind}` });
}

function onlyList(found: Found): readonly FoundPoint[] {
  if (found.kind === 'page') return found.points;
  if (found.kind !== 'lists' || found.lists.length !== 1) throw other(found);
  return found.lists[0] ?? [];
}

/** `{"points":[…]}`, of `points/query`. */
export const queryAnswer: Compose = (found, startedAt) => written(found, startedAt, (page) => addQueried(page, onlyList(found)));

function addQueried(page: Page, points: readonly FoundPoint[]): void {
  page.text += '{"points":';
  addList(page, points, addScored);
  page.text += '}';
}

/** `[…]`, of the routes that were there before `points/query`. */
export const searchAnswer: Compose = (found, startedAt) => written(found, startedAt, (page) => addList(page, onlyList(found), addScored));

function listsOf(found: Found): readonly (readonly FoundPoint[])[] {
  if (found.kind !== 'lists') throw other(found);
  return found.lists;
}

/** `[{"points":[…]},…]`. */
export const queryBatchAnswer: Compose = (found, startedAt) =>
  written(found, startedAt, (page) => addList(page, listsOf(found), addQueried));

/** `[[…],…]`. */
export const searchBatchAnswer: Compose = (found, startedAt) =>
  written(found, startedAt, (page) => addList(page, listsOf(found), (on, points) => addList(on, points, addScored)));

/** `{"groups":[{"hits":[…],"id":…},…]}`. */
export const groupsAnswer: Compose = (found, startedAt) =>
  written(found, startedAt, (page) => {
    if (found.kind !== 'groups') throw other(found);
    page.text += '{"groups":';
    addList(page, found.groups, addGroup);
    page.text += '}';
  });

type FoundGroup = Extract<Found, { readonly kind: 'groups' }>['groups'][number];

function addGroup(page: Page, { id, points }: FoundGroup): void {
  page.text += '{"hits":';
  addList(page, points, addScored);
  page.text += `,"id":${id}}`;
}

/** `{"points":[…],"next_page_offset":…}`: the offset is opaque, and null after the last page. */
export const scrollAnswer: Compose = (found, startedAt) =>
  written(found, startedAt, (page) => {
    if (found.kind !== 'page') throw other(found);
    page.text += '{"points":';
    addList(page, found.points, addRecord);
    page.text += `,"next_page_offset":${found.next === undefined ? 'null' : JSON.stringify(found.next)}}`;
  });

/** `[…]` of records, of the points that were named. */
export const recordsAnswer: Compose = (found, startedAt) => written(found, startedAt, (page) => addList(page, onlyList(found), addRecord));

/** One record; Qdrant's words for a missing point where there is none, so that a hidden one answers the same. */
export function recordAnswer(found: Found, startedAt: StartedAt, id: PointId): readonly AnswerPiece[] {
  const [point] = onlyList(found);
  if (point === undefined) return [refusalText(`Not found: Point with id ${pointIdText(id)} does not exists!`, startedAt)];
  return written(found, startedAt, (page) => addRecord(page, point));
}

/** `{"count":…}`. */
export const countAnswer: Compose = (found, startedAt) =>
  written(found, startedAt, (page) => {
    if (found.kind !== 'count') throw other(found);
    page.text += `{"count":${found.count}}`;
  });

/** `{"hits":[{"value":…,"count":…},…]}`. */
export const facetAnswer: Compose = (found, startedAt) =>
  written(found, startedAt, (page) => {
    if (found.kind !== 'facet') throw other(found);
    page.text += `{"hits":[${found.values.map(({ value, count }) => `{"value":${value},"count":${count}}`).join(',')}]}`;
  });

/** What describes a collection. What Qdrant says of segments and optimizers is of all points together, so it is a constant here. */
export const infoAnswer: Compose = (found, startedAt) =>
  written(found, startedAt, (page) => {
    if (found.kind !== 'info') throw other(found);
    page.text += infoText(found.info);
  });

function infoText({ points, config, payloadSchema }: CollectionInfo): string {
  const numbers = `"indexed_vectors_count":${points},"points_count":${points},"segments_count":1`;
  const made = `"config":${JSON.stringify(config)},"payload_schema":${JSON.stringify(payloadSchema)}`;
  return `{"status":"green","optimizer_status":"ok",${numbers},${made}}`;
}
