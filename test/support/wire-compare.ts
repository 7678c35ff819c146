import { isDeepStrictEqual } from 'node:util';
import type { Json } from './lossless.ts';
import type { Request } from './random-requests.ts';
import type { WireAnswer } from './wire.ts';

/**
 * How alike two answers have to be. `exact`: everything. `ties`: what is equal in rank may stand in any order, and the last rank may
 * be filled by others. `set`: any order, and other points of the same ones where a limit cuts. `shape`: members and types alone, since
 * chance or an order among equals decides in the middle of it.
 */
export type Likeness = 'exact' | 'ties' | 'set' | 'shape';

type Members = Readonly<Record<string, Json>>;
const asMembers = (value: Json | undefined): Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : {};
const asList = (value: Json | undefined): readonly Json[] =>
  Array.isArray(value) ? (value as readonly Json[]) : value === undefined || value === null ? [] : [value];

const ORDER: readonly Likeness[] = ['exact', 'ties', 'set', 'shape'];
const looser = (a: Likeness, b: Likeness): Likeness => (ORDER.indexOf(a) >= ORDER.indexOf(b) ? a : b);

/** Of a search: scores of fusion, of formulas and of contexts tie; without a query the order is that of ids. */
function likenessOfSearch(node: Members): Likeness {
  const query = asMembers(node['query']);
  const prefetch = asList(node['prefetch']);
  const inner = prefetch.map((one) => likenessOfSearch(asMembers(one)));
  if (inner.some((one) => one !== 'exact')) return 'shape';
  if ('sample' in query) return 'shape';
  if (node['query'] === undefined || node['query'] === null) return prefetch.length === 0 ? 'set' : 'shape';
  return ['fusion', 'rrf', 'formula', 'context', 'order_by', 'recommend', 'discover'].some((kind) => kind in query) ? 'ties' : 'exact';
}

export function likenessOf({ operation, body }: Request): Likeness {
  const root = asMembers(body);
  if (operation.endsWith('groups')) {
    const one = operation.startsWith('query') ? likenessOfSearch(root) : operation.startsWith('search') ? 'exact' : 'shape';
    return one === 'exact' && !('mmr' in asMembers(root['query'])) ? 'ties' : 'shape';
  }
  const searches = 'searches' in root ? asList(root['searches']).map(asMembers) : [root];
  if (operation.startsWith('query')) return searches.map(likenessOfSearch).reduce(looser, 'exact');
  if (operation.startsWith('recommend') || operation.startsWith('discover')) return 'ties';
  if (operation === 'scroll_points') return root['order_by'] === undefined || root['order_by'] === null ? 'set' : 'ties';
  return 'exact';
}

/** Without what each of two servers numbers for itself. */
export function withoutVersions(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutVersions);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key, one]) => key !== 'version' || typeof one !== 'number');
  return Object.fromEntries(kept.map(([key, one]) => [key, key === 'payload' ? one : withoutVersions(one)]));
}

function listsOf(result: Json | undefined): readonly (readonly Members[])[] {
  if (Array.isArray(result)) {
    const list = result as readonly Json[];
    if (list.every((one) => Array.isArray(one) || 'points' in asMembers(one))) return list.flatMap(listsOf);
    return [list.map(asMembers)];
  }
  return 'points' in asMembers(result) ? [asList(asMembers(result)['points']).map(asMembers)] : [];
}

const rankOf = (point: Members): Json => point['order_value'] ?? point['score'] ?? null;
const idOf = (point: Members): string => JSON.stringify(point['id']);

/** Sums of a score may be added up in another order. */
function near(one: Json | undefined, other: Json | undefined): boolean {
  if (typeof one !== 'number' || typeof other !== 'number') return isDeepStrictEqual(one, other);
  return Math.abs(one - other) <= 1e-5 * Math.max(1, Math.abs(one));
}

function samePoint(one: Members, other: Members): boolean {
  const { score, ...rest } = one;
  const { score: its, ...others } = other;
  return near(score, its) && isDeepStrictEqual(rest, others);
}

/** `cut`: ranks at which a limit or an offset may have cut among equals. */
function sameRanks(one: readonly Members[], other: readonly Members[], cut: readonly Json[]): boolean {
  if (one.length !== other.length || !one.every((point, n) => near(rankOf(point), rankOf(other[n] ?? {})))) return false;
  const byId = new Map(other.map((point) => [idOf(point), point]));
  return one.every((point) => {
    const its = byId.get(idOf(point));
    return its === undefined ? cut.some((rank) => near(rank, rankOf(point))) : samePoint(point, its);
  });
}

function sameList(one: readonly Members[], other: readonly Members[]): boolean {
  return sameRanks(one, other, [rankOf(one[0] ?? {}), rankOf(one.at(-1) ?? {})]);
}

/** Groups whose best points are equal in score stand in any order. */
function sameGroups(one: readonly Members[], other: readonly Members[]): boolean {
  const hitsOf = (group: Members): readonly Members[] => asList(group['hits']).map(asMembers);
  const best = (group: Members): Json => rankOf(hitsOf(group)[0] ?? {});
  if (one.length !== other.length || !one.every((group, n) => near(best(group), best(other[n] ?? {})))) return false;
  const byId = new Map(other.map((group) => [idOf(group), group]));
  return one.every((group) => {
    const its = byId.get(idOf(group));
    return its === undefined ? near(best(group), best(one.at(-1) ?? {})) : sameList(hitsOf(group), hitsOf(its));
  });
}

/** What a value is made of: its members and types; of lists, those of the first. */
export function shapeOf(value: Json): Json {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shapeOf(value[0] as Json)];
  if (typeof value === 'string' && value.startsWith('number ')) return 'number';
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value;
  const kept = Object.entries(value).map(
    ([key, one]) => [key, ['payload', 'vector', 'id', 'score', 'next_page_offset'].includes(key) ? '…' : shapeOf(one)] as const,
  );
  return Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What the door refuses that Qdrant answers, by its words: docs/qdrant-door.md says each. */
const REFUSED: readonly RegExp[] = [
  /vectors are not looked up in another collection here/,
  /groups are not joined with another collection here/,
  /collections have no shard keys here/,
  /an empty batch asks for nothing/,
  /pages go on from the `next_page_offset`/,
  /is no offset that a page of this collection gave/,
  /^Bad request: At least one positive vector ID required with this strategy/,
  /embedded/,
  /group_size: value 0 invalid/,
];
/** In groups Qdrant leaves an example out that is not there; elsewhere, and here, it is an error. */
const IN_GROUPS = /^Not found: No point with id \S+ found$/;
/** Qdrant overlooks some members of another type; the door does not. */
const STRICT = /^(?:Format error in JSON body|Validation error in JSON body|Wrong input|Bad request)/;

/** Whether this is a refusal that is documented, or, of a request that was spoilt, one that is stricter than Qdrant. */
export function refusedByDesign({ operation }: Request, { status, json }: WireAnswer, spoilt: boolean): boolean {
  const error = asMembers(asMembers(json)['status'])['error'];
  if (status < 400 || status >= 500 || typeof error !== 'string') return false;
  if (operation.endsWith('groups') && IN_GROUPS.test(error)) return true;
  return REFUSED.some((known) => known.test(error)) || (spoilt && STRICT.test(error));
}

/** How two answers to the same request differ; undefined where they are as alike as they have to be. */
export function difference(request: Request, door: WireAnswer, twin: WireAnswer): string | undefined {
  // Which of several faults is named first, and as 400, 404 or 422, is not the same everywhere in Qdrant itself.
  if (Math.floor(door.status / 100) !== Math.floor(twin.status / 100)) return `status ${door.status}, not ${twin.status}`;
  const [one, other] = [withoutVersions(door.json), withoutVersions(twin.json)];
  if (door.status !== 200) return isDeepStrictEqual(shapeOf(one), shapeOf(other)) ? undefined : 'another shape of error';
  if (isDeepStrictEqual(one, other)) return undefined;
  const likeness = likenessOf(request);
  if (likeness === 'shape') return undefined;
  const [result, its] = [asMembers(one)['result'], asMembers(other)['result']];
  if ('groups' in asMembers(result)) {
    const [mine, other] = [result, its].map((of) => asList(asMembers(of)['groups']).map(asMembers));
    return sameGroups(mine ?? [], other ?? []) ? undefined : 'other groups';
  }
  const [mine, theirs] = [listsOf(result), listsOf(its)];
  if (mine.length === 0 || mine.length !== theirs.length) return `not ${likeness}`;
  const pairs = mine.map((list, n) => [list, theirs[n] ?? []] as const);
  if (likeness !== 'set') return pairs.every(([a, b]) => sameList(a, b)) ? undefined : `not ${likeness}`;
  return pairs.every(([a, b]) => a.length === b.length) ? undefined : 'another number of points';
}
