import type { ChunkId } from '../../core/ids.ts';
import type { PointSearch, ScrollPage, GroupedSearch } from '../../core/points/question.ts';
import type { RawJson } from '../../core/points/raw-json.ts';
import type { PointHit } from '../../core/ports/points.ts';
import type { Bait } from '../judge.ts';
import { Judged, tooStale, type JudgedPoint, type Searching } from './judging.ts';
import type { PointsParts } from './parts.ts';

/** What a search found and judged, with what its release says of the search. */
export interface Searched<T> {
  readonly found: T;
  readonly candidates: number;
  readonly refused: number;
  readonly bait: readonly Bait[];
  /** True where a text that was replaced meanwhile may be what is missing. */
  readonly overtaken: boolean;
}

const WIDEN = 4;
/** As for searchLeg: what is refused by design is no sign of staleness, but the deadline bounds it too. */
const MAX_WIDTH = 2_097_152;
const MAX_ROUNDS = 64;

/** More than one stage: what one of them let through shapes the answer though it is no hit. */
export function isStaged({ prefetch, query }: Pick<PointSearch<ChunkId>, 'prefetch' | 'query'>): boolean {
  return prefetch.length > 0 || (query?.kind === 'nearest' && query.mmr !== undefined);
}

interface Widening {
  readonly search: PointSearch<ChunkId>;
  /** Hits that the answer needs, those before the offset included: what is skipped unjudged would move the window. */
  readonly needed: number;
  width: number;
  hits: readonly PointHit[];
  done: boolean;
}

/**
 * Each search of a batch, every hit judged. Of a search in one stage more and more hits are asked for until enough passed or none are
 * left. One of several stages is asked again without what was refused, until nothing is: so a refused point shapes no rank.
 * Fails with `index_unavailable` where it would have to give up.
 */
export async function searchLists(
  parts: PointsParts,
  searching: Searching,
  searches: readonly PointSearch<ChunkId>[],
): Promise<Searched<readonly (readonly JudgedPoint[])[]>> {
  const judged = new Judged(parts, searching);
  // Whoever is asked for more and more hits finds what was refused among them again, and bait at the rank where it stood.
  const named = searches.some(isStaged);
  const all = searches.map((search): Widening => {
    const needed = search.offset + search.limit;
    return { search, needed, width: needed, hits: [], done: search.limit === 0 };
  });
  for (let round = 0; ; round++) {
    const open = all.filter(({ done }) => !done);
    if (open.length === 0) break;
    if (round >= MAX_ROUNDS) throw tooStale();
    const asked = open.map(({ search, width }) => ({ ...search, offset: 0, limit: width }));
    const scope = named ? judged.scope() : { ...judged.scope(), never: [] };
    const [lists] = await Promise.all([parts.index.search(scope, asked, searching.signal), searching.declared()]);
    await judged.judge(lists.flat());
    for (const [index, one] of open.entries()) await settleOne(judged, one, lists[index] ?? []);
  }
  const found = all.map(({ search, needed, hits }) => judged.passed(hits).slice(search.offset, needed));
  return {
    found,
    candidates: judged.candidates,
    refused: judged.refused,
    bait: all.flatMap(({ search, needed, hits }) => judged.bait(hits, search.offset, needed)),
    overtaken: judged.gone || found.some((list, index) => list.length < (searches[index]?.limit ?? 0)),
  };
}

async function settleOne(judged: Judged, one: Widening, hits: readonly PointHit[]): Promise<void> {
  const refused = await judged.judge(hits);
  one.hits = hits;
  const passed = judged.passed(hits).length;
  if (!refused) one.done = true;
  else if (isStaged(one.search)) judged.demandFewRefused();
  else if (passed >= one.needed || hits.length < one.width) one.done = true;
  else if (one.width >= MAX_WIDTH) throw tooStale();
  else one.width *= WIDEN;
}

export interface JudgedGroup {
  readonly id: RawJson;
  readonly points: readonly JudgedPoint[];
}

/** Groups have stages by nature: points that were left out make room for others, and for other groups. */
export async function searchGroups(
  parts: PointsParts,
  searching: Searching,
  search: GroupedSearch<ChunkId>,
): Promise<Searched<readonly JudgedGroup[]>> {
  const judged = new Judged(parts, searching);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const [groups] = await Promise.all([parts.index.groups(judged.scope(), search, searching.signal), searching.declared()]);
    const hits = groups.flatMap((group) => group.hits);
    if (await judged.judge(hits)) {
      judged.demandFewRefused();
      continue;
    }
    return {
      found: groups.map(({ id, hits: own }) => ({ id, points: judged.passed(own) })),
      candidates: judged.candidates,
      refused: judged.refused,
      bait: [],
      overtaken: judged.gone || groups.length < search.limit,
    };
  }
  throw tooStale();
}

export interface JudgedPage {
  readonly points: readonly JudgedPoint[];
  /** True where a further point is readable. */
  readonly more: boolean;
}

/** One page in the order of chunk ids, after `after`; or in the order of a key, which has no next page. */
export async function scrollPage(
  parts: PointsParts,
  searching: Searching,
  page: ScrollPage<ChunkId>,
  after: ChunkId | undefined,
): Promise<Searched<JudgedPage>> {
  const judged = new Judged(parts, searching);
  const { filter, orderBy, limit, select } = page;
  const shared = { ...(filter === undefined ? {} : { filter }), ...(orderBy === undefined ? {} : { orderBy }), vectors: select.vectors };
  const all: PointHit[] = [];
  let last = after;
  for (let width = limit + 1; ; width *= WIDEN) {
    if (width > MAX_WIDTH) throw tooStale();
    const asked = { ...shared, limit: width, ...(last === undefined ? {} : { after: last }) };
    const [{ hits, more }] = await Promise.all([parts.index.scroll(judged.scope(), asked, searching.signal), searching.declared()]);
    await judged.judge(hits);
    // By a key there is no place to go on from: what was refused is left out by name instead.
    if (orderBy !== undefined) all.length = 0;
    all.push(...hits);
    last = orderBy === undefined ? (hits.at(-1)?.chunk ?? last) : undefined;
    const passed = judged.passed(all);
    if (passed.length <= limit && more) {
      if (orderBy !== undefined) judged.demandFewRefused();
      continue;
    }
    return {
      found: { points: passed.slice(0, limit), more: orderBy === undefined && passed.length > limit },
      candidates: judged.candidates,
      refused: judged.refused,
      bait: judged.bait(all, 0, limit),
      overtaken: judged.gone || passed.length < limit,
    };
  }
}

/** Points by id, one list an id. The index is asked only where their vectors are. */
export async function readPoints(
  parts: PointsParts,
  searching: Searching,
  wanted: readonly (readonly ChunkId[])[],
  vectors: ScrollPage<ChunkId>['select']['vectors'],
  most: number,
): Promise<Searched<readonly JudgedPoint[]>> {
  const judged = new Judged(parts, searching);
  const chunks = [...new Set(wanted.flat())];
  await searching.declared();
  const bare: readonly PointHit[] = chunks.map((chunk) => ({ chunk }));
  await judged.judge(bare);
  const readable = judged.passed(bare).map(({ hit }) => hit.chunk);
  const hits =
    vectors.kind === 'none' || readable.length === 0
      ? bare
      : await parts.index.points({ ...judged.scope(), never: [] }, readable, vectors, searching.signal);
  const byChunk = new Map(judged.passed(hits).map((point) => [point.hit.chunk, point]));
  const found = chunks.flatMap((chunk) => byChunk.get(chunk) ?? []).slice(0, most);
  return {
    found,
    candidates: judged.candidates,
    refused: judged.refused,
    bait: judged.bait(bare, 0, bare.length),
    // Nobody else's text can be what is missing, but a replaced one has another chunk by now.
    overtaken: judged.gone,
  };
}
