import type { Exclusion } from '../../core/filter.ts';
import type { ChunkId } from '../../core/ids.ts';
import type { PointsQuestion, Selection } from '../../core/points/question.ts';
import type { RawJson } from '../../core/points/raw-json.ts';
import type { Presence } from '../../core/presence.ts';
import { earliest } from '../../core/validity.ts';
import type { Bait, Judgement } from '../judge.ts';
import type { Counts } from '../events.ts';
import { settle, stillSettled, type Settled } from '../unsettled.ts';
import { cursorsOf } from './cursor.ts';
import type { JudgedPoint, Searching } from './judging.ts';
import { checkOwnKeys } from './own-collection.ts';
import type { Asking, PointsParts } from './parts.ts';
import { resolveIds, type Resolved } from './resolve.ts';
import { isStaged, readPoints, scrollPage, searchGroups, searchLists } from './search-points.ts';
import { authorizeAt, grantsEnd, stand, type Deciding, type Standing } from './standing.ts';
import { touchedBait } from './touched-bait.ts';

/** What was found, in the shape of the question. */
export type Hits =
  | { readonly kind: 'lists'; readonly lists: readonly { readonly select: Selection; readonly points: readonly JudgedPoint[] }[] }
  | {
      readonly kind: 'groups';
      readonly select: Selection;
      readonly groups: readonly { readonly id: RawJson; readonly points: readonly JudgedPoint[] }[];
    }
  | { readonly kind: 'page'; readonly select: Selection; readonly points: readonly JudgedPoint[]; readonly next: string | undefined };

export interface Pass extends Standing {
  readonly inputs: readonly Judgement[];
  readonly hits: Hits;
  readonly counts: Counts;
  readonly bait: readonly Bait[];
  readonly overtaken: boolean;
  /** For what is no hit and shaped the answer: until when, in milliseconds, it stays as it was by the clock. */
  readonly until: number | 'forever';
}

export type ReadQuestion = Exclude<PointsQuestion<ChunkId>, { readonly kind: 'count' | 'facet' | 'info' }>;

const NOTHING_LEFT_OUT: Exclusion = { kind: 'none' };

/** One search of a question about points. Undefined where what it left out changed meanwhile, so that it has to be repeated. */
export async function passOnce(parts: PointsParts, asking: Asking, here: Presence | undefined): Promise<Pass | undefined> {
  const standing = await stand(parts, asking, asking.context.caller, here);
  const { context, place, stamp } = standing;
  if (place.place === 'own') checkOwnKeys(asking.question);
  const resolved = await resolveIds(parts, asking, context, place);
  const question = resolved.question as ReadQuestion;
  const staged = hasStages(question);
  const settled = staged ? await settle(parts.catalog, context.view.tenant, place.place, context.subject) : undefined;
  const now = Math.floor((settled?.at ?? parts.clock.now()) / 1_000);
  const authorization = await authorizeAt(parts, standing, now, settled?.without ?? NOTHING_LEFT_OUT);
  const shared = { stamp, context, place, inputs: resolved.inputs };
  if (authorization.kind === 'none') {
    return { ...shared, hits: nothing(question), counts: { candidates: 0, refused: 0 }, bait: [], overtaken: true, until: 'forever' };
  }
  const searching: Searching = {
    context,
    place: place.place,
    filter: authorization.filter,
    ...(settled === undefined ? {} : { never: settled.never }),
    declared: asking.declared,
    signal: asking.context.signal,
  };
  const [{ hits, candidates, refused, bait, overtaken }, touched] = await Promise.all([
    searchFor(parts, asking, searching, resolved, question),
    probe(parts, standing, searching, question, settled),
  ]);
  const pass = { ...shared, hits, counts: { candidates, refused }, bait: distinct([...bait, ...touched]), overtaken };
  if (settled === undefined) return { ...pass, until: 'forever' };
  const afterwards = await settle(parts.catalog, context.view.tenant, place.place, context.subject);
  if (!stillSettled(settled, afterwards)) return undefined;
  return { ...pass, overtaken: true, until: earliest([settled.until, afterwards.until, grantsEnd(context, settled)]) };
}

/** Where there are stages, bait is left out of each: whether it would have been touched is asked beside, and changes nothing. */
async function probe(
  parts: PointsParts,
  standing: Standing & Deciding,
  searching: Searching,
  question: ReadQuestion,
  settled: Settled | undefined,
): Promise<readonly Bait[]> {
  if (settled?.withBait === undefined) return [];
  const authorization = await authorizeAt(parts, standing, Math.floor(settled.at / 1_000), settled.withBait);
  return authorization.kind === 'none' ? [] : touchedBait(parts, { ...searching, filter: authorization.filter }, question);
}

function distinct(bait: readonly Bait[]): readonly Bait[] {
  return [...new Map(bait.map((one) => [one.key, one])).values()];
}

function hasStages(question: ReadQuestion): boolean {
  return question.kind === 'groups' || (question.kind === 'search' && question.searches.some(isStaged));
}

function nothing(question: ReadQuestion): Hits {
  switch (question.kind) {
    case 'search':
      return { kind: 'lists', lists: question.searches.map(({ select }) => ({ select, points: [] })) };
    case 'groups':
      return { kind: 'groups', select: question.search.select, groups: [] };
    case 'scroll':
      return { kind: 'page', select: question.page.select, points: [], next: undefined };
    case 'points':
      return { kind: 'lists', lists: [{ select: question.select, points: [] }] };
  }
}

type FoundHits = Pick<Pass, 'hits' | 'bait' | 'overtaken'> & Counts;

async function searchFor(
  parts: PointsParts,
  asking: Asking,
  searching: Searching,
  { wanted }: Resolved,
  question: ReadQuestion,
): Promise<FoundHits> {
  switch (question.kind) {
    case 'search': {
      const { found, ...facts } = await searchLists(parts, searching, question.searches);
      const lists = found.map((points, index) => ({ select: question.searches[index]?.select ?? NO_PAYLOAD, points }));
      return { ...facts, hits: { kind: 'lists', lists } };
    }
    case 'groups': {
      const { found, ...facts } = await searchGroups(parts, searching, question.search);
      return { ...facts, hits: { kind: 'groups', select: question.search.select, groups: found } };
    }
    case 'scroll':
      return scrollFor(parts, searching, question.page);
    case 'points': {
      const { found, ...facts } = await readPoints(parts, searching, wanted, question.select.vectors, asking.most);
      if (wanted.some((chunks) => !chunks.some((chunk) => found.some(({ hit }) => hit.chunk === chunk)))) {
        parts.watch.nearMiss(asking.context.caller);
      }
      return { ...facts, hits: { kind: 'lists', lists: [{ select: question.select, points: found }] } };
    }
  }
}

const NO_PAYLOAD: Selection = { payload: { kind: 'none' }, vectors: { kind: 'none' } };

async function scrollFor(
  parts: PointsParts,
  searching: Searching,
  page: Extract<ReadQuestion, { readonly kind: 'scroll' }>['page'],
): Promise<FoundHits> {
  const cursors = cursorsOf(await parts.catalog.chunkSecret(), searching.context.view.tenant, searching.place);
  const after = page.cursor === undefined ? undefined : cursors.open(page.cursor);
  const { found, ...facts } = await scrollPage(parts, searching, page, after);
  const last = found.points.at(-1)?.hit.chunk;
  const next = found.more && last !== undefined ? cursors.after(last) : undefined;
  return { ...facts, hits: { kind: 'page', select: page.select, points: found.points, next } };
}
