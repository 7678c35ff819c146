import { AppError } from '../../core/errors.ts';
import type { ChunkId } from '../../core/ids.ts';
import { changingTag, lastingTag, type Part, type ReplayPayload } from '../../core/replay.ts';
import type { AnswerPiece, Found, FoundPoint, PointPayload, Selection } from '../../core/points/question.ts';
import type { RawJson } from '../../core/points/raw-json.ts';
import { selectPayload } from '../../core/points/select-payload.ts';
import type { ProvenancePort } from '../../core/ports/provenance.ts';
import type { Provenance } from '../../core/provenance.ts';
import type { Judgement, JudgingContext } from '../judge.ts';
import type { JudgedPoint } from './judging.ts';
import { ownPayload } from './own-collection.ts';
import type { OwnCollection } from './parts.ts';
import type { Hits } from './pass.ts';
import type { Place } from './place.ts';

/** A point of an answer that is about to leave, however often it stands in it. */
export interface Leaving {
  readonly judgement: Judgement;
  readonly point: JudgedPoint;
  /** Whole, an object in compact JSON without spaces at its ends. */
  readonly payload: RawJson;
  /** Made where it is needed: for each answer that shows provenance, and for the first record of a text. */
  tag(): Provenance;
}

export interface LeavingParts {
  readonly provenance: Pick<ProvenancePort, 'tag'>;
  readonly own: OwnCollection;
}

/** All points of an answer, each once, in the order in which they first occur. `judgements`: as of the last judging. */
export function leavingPoints(
  { provenance, own }: LeavingParts,
  context: JudgingContext,
  place: Place,
  hits: Hits,
  judgements: ReadonlyMap<ChunkId, Judgement>,
): readonly Leaving[] {
  return [...uniquePoints(hits)].map(([chunk, point]) => {
    const judgement = judgements.get(chunk) ?? point.judgement;
    const { candidate, label, rules, at } = judgement;
    const payload =
      place.place === 'own' ? ownPayload(own.textKey, candidate.text, point.stored) : (point.stored.payload.trim() as RawJson);
    let made: Provenance | undefined;
    const tag = (): Provenance => {
      const source = context.view.sources.get(candidate.source);
      if (source === undefined) throw new AppError('internal', { detail: 'a judged point without its source' });
      made ??= provenance.tag({ candidate, source, label, policyRevision: context.view.policy.id, rules, at });
      return made;
    };
    return { judgement, point, payload, tag };
  });
}

export function uniquePoints(hits: Hits): ReadonlyMap<ChunkId, JudgedPoint> {
  const unique = new Map<ChunkId, JudgedPoint>();
  for (const list of listsOf(hits)) for (const point of list) if (!unique.has(point.hit.chunk)) unique.set(point.hit.chunk, point);
  return unique;
}

export function listsOf(hits: Hits): readonly (readonly JudgedPoint[])[] {
  if (hits.kind === 'page') return [hits.points];
  return hits.kind === 'lists' ? hits.lists.map(({ points }) => points) : hits.groups.map(({ points }) => points);
}

/** What the door composes its answer of. */
export function foundOf(place: Place, hits: Hits, leaving: readonly Leaving[]): Found {
  const places = new Map(leaving.map(({ point }, index) => [point.hit.chunk, index]));
  const show = (points: readonly JudgedPoint[], select: Selection): readonly FoundPoint[] =>
    points.map((point) => foundPoint(place, point, select, places.get(point.hit.chunk) ?? 0, leaving));
  switch (hits.kind) {
    case 'lists':
      return { kind: 'lists', lists: hits.lists.map(({ select, points }) => show(points, select)) };
    case 'groups':
      return { kind: 'groups', groups: hits.groups.map(({ id, points }) => ({ id, points: show(points, hits.select) })) };
    case 'page':
      return { kind: 'page', points: show(hits.points, hits.select), next: hits.next };
  }
}

function foundPoint(place: Place, { hit, stored }: JudgedPoint, select: Selection, of: number, leaving: readonly Leaving[]): FoundPoint {
  const { score, vector, orderValue } = hit;
  return {
    id: stored.id,
    ...(score === undefined ? {} : { score }),
    payload: payloadOf(place, select, of, leaving),
    ...(vector === undefined || select.vectors.kind === 'none' ? {} : { vector }),
    ...(orderValue === undefined ? {} : { orderValue }),
  };
}

function payloadOf(place: Place, select: Selection, of: number, leaving: readonly Leaving[]): PointPayload {
  const one = leaving[of];
  if (one === undefined || select.payload.kind === 'none') return { kind: 'none' };
  if (select.payload.kind === 'all') return { kind: 'whole', of };
  const part = selectPayload(one.payload, select.payload);
  if (part === undefined) return { kind: 'none' };
  if (place.provenance === 'none') return { kind: 'json', json: part };
  return { kind: 'json', json: `${part.slice(0, -1)}${opening(part)}${JSON.stringify(one.tag())}}` as RawJson };
}

function opening(object: string): string {
  return object === '{}' ? '"_sluice":' : ',"_sluice":';
}

/** The answer as text, and as the parts of its record. A whole payload stands in the record by reference, its lasting tag too. */
export function joinPieces(
  place: Place,
  pieces: readonly AnswerPiece[],
  leaving: readonly Leaving[],
): { body: string; parts: readonly Part[] } {
  const parts: Part[] = [];
  const texts: string[] = [];
  let text = '';
  const flush = (): void => {
    if (text !== '') parts.push(text);
    text = '';
  };
  const refer = (of: number, as: 'payload' | 'open' | 'tag', stands: string): void => {
    flush();
    parts.push({ of, as });
    texts.push(stands);
  };
  const write = (stands: string): void => {
    text += stands;
    texts.push(stands);
  };
  for (const piece of pieces) {
    if (typeof piece === 'string') write(piece);
    else {
      const of = piece.payloadOf;
      const one = leaving[of];
      if (one === undefined) throw new AppError('internal', { detail: 'an answer names a point that it has not' });
      if (place.provenance === 'none') refer(of, 'payload', one.payload);
      else {
        const tag = one.tag();
        refer(of, 'open', one.payload.slice(0, -1));
        write(`${opening(one.payload)}{`);
        refer(of, 'tag', lastingTag(tag));
        write(`,${changingTag(tag)}}}`);
      }
    }
  }
  flush();
  return { body: texts.join(''), parts };
}

/** What the record keeps of a point, whatever the profile shows: its tag tells the version that left. */
export function recordOf({ payload, tag }: Leaving): ReplayPayload {
  return { payload, tag: lastingTag(tag()) };
}
