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
    const one = operation.startsWith('query') ? likenessOfSearch(root) : operation.startsWith('search') ? 'exact' : 'ties';
    return one === 'exact' ? 'exact' : 'shape';
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
  return Object.fromEntries(kept.map(([key, one]) => [key, key === 'payload' ? one : withoutVersions(one as Json)]));
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

function sameRanks(one: readonly Members[], other: readonly Members[]): boolean {
  if (!isDeepStrictEqual(one.map(rankOf), other.map(rankOf))) return false;
  const last = rankOf(one.at(-1) ?? {});
  const sorted = (list: readonly Members[]): readonly string[] =>
    list
      .filter((point) => rankOf(point) !== last)
      .map((point) => JSON.stringify(point))
      .sort();
  return isDeepStrictEqual(sorted(one), sorted(other));
}

/** What a value is made of: its members and types; of lists, those of the first. */
export function shapeOf(value: Json): Json {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shapeOf(value[0] as Json)];
  if (typeof value === 'string' && value.startsWith('number ')) return 'number';
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value;
  const kept = Object.entries(value).map(
    ([key, one]) => [key, key === 'payload' || key === 'vector' ? '…' : shapeOf(one as Json)] as const,
  );
  return Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** How two answers to the same request differ; undefined where they are as alike as they have to be. */
export function difference(request: Request, door: WireAnswer, twin: WireAnswer): string | undefined {
  if (door.status !== twin.status) return `status ${door.status}, not ${twin.status}`;
  const [one, other] = [withoutVersions(door.json), withoutVersions(twin.json)];
  if (door.status !== 200) return isDeepStrictEqual(shapeOf(one), shapeOf(other)) ? undefined : 'another shape of error';
  if (isDeepStrictEqual(one, other)) return undefined;
  const likeness = likenessOf(request);
  const [mine, its] = [listsOf(asMembers(one)['result']), listsOf(asMembers(other)['result'])];
  if (likeness === 'exact' || mine.length !== its.length) return likeness === 'shape' ? undefined : `not ${likeness}`;
  const pairs = mine.map((list, n) => [list, its[n] ?? []] as const);
  if (likeness === 'ties') return pairs.every(([a, b]) => sameRanks(a, b)) ? undefined : 'not ties';
  if (pairs.some(([a, b]) => a.length !== b.length && likeness === 'set')) return 'another number of points';
  const shapes = pairs.every(([a, b]) => a.length === 0 || b.length === 0 || isDeepStrictEqual(shapeOf(a[0] ?? {}), shapeOf(b[0] ?? {})));
  return shapes ? undefined : 'another shape';
}
