import { AppError } from '../core/errors.ts';
import type { AuthorizedFilter, Exclusion, Opening, ZoneTerm } from '../core/filter.ts';
import type { DocumentKey } from '../core/ids.ts';
import type { JsonObject } from '../core/json.ts';
import { RESERVED_KEY } from '../core/points/payload-path.ts';
import { GATES, NO_GATE, NOBODY, ONLY } from './payload.ts';

/** Never a `should` at the root: Qdrant appends lists of clauses when it merges filters, and that would widen an ACL there. */
export type RootFilter =
  { readonly must: readonly JsonObject[] } | { readonly must: readonly JsonObject[]; readonly must_not: readonly JsonObject[] };

/** An empty list would match nothing in one place and everything in another, and a fraction or NaN would be refused or rounded. */
function numbers(values: readonly number[], minimum: number, what: string): readonly number[] {
  if (values.some((value) => !Number.isSafeInteger(value) || value < minimum)) {
    throw new AppError('internal', { detail: `a filter names ${what} that cannot exist` });
  }
  return values;
}

function someOf<T>(values: readonly T[], what: string): readonly T[] {
  if (values.length === 0) throw new AppError('internal', { detail: `a filter with no ${what} must not reach the index` });
  return values;
}

/**
 * Where the keys that filters look at stand in a payload: at its root in Sluice's own collection, and in a hosted one, whose root is its
 * writer's, under one reserved key.
 */
export type PayloadLayout = 'root' | 'reserved';
type KeyOf = (key: string) => string;

/** The path by which a filter names one of our own keys. */
export const keyIn =
  (layout: PayloadLayout): KeyOf =>
  (key) =>
    layout === 'root' ? key : `${RESERVED_KEY}.${key}`;

/** Nothing has these, so what excludes them excludes no more. */
const NO_ZONE = 0;
const NO_DOCUMENT = '' as DocumentKey;
/** Below every number of a gate. */
const NO_NUMBER = NOBODY - 1;

/**
 * A condition of `must_not`. Qdrant (1.16) forgets it where the same condition is also one that it looks points up by, so none of
 * ours may be equal to any that includes: `nothing` stands in no list of those.
 */
function excluding<T extends string | number>(key: string, values: readonly T[], nothing: T): JsonObject {
  return { key, match: { any: [...values, nothing] } };
}

function zoneCondition(zones: ZoneTerm, at: KeyOf): JsonObject {
  switch (zones.kind) {
    case 'flat':
      return { key: at('zone'), match: { any: someOf(numbers(zones.ids, 1, 'a zone'), 'zone') } };
    case 'runs': {
      const runs = someOf(zones.runs, 'zone').map(({ first, last, holes }): JsonObject => {
        const [gte, lte] = numbers([first, last], 1, 'a zone') as [number, number];
        // Both ends are bound, so neither zones made later nor points without a zone come in.
        const must = [{ key: at('zone'), range: { gte, lte } }];
        return holes.length === 0 ? { must } : { must, must_not: [excluding(at('zone'), numbers(holes, 1, 'a zone'), NO_ZONE)] };
      });
      return { should: runs };
    }
    default:
      return zones satisfies never;
  }
}

/** A point without the field cannot be left out by it, so it is left out for lacking it. */
function exclusion(without: Exclusion, at: KeyOf): readonly JsonObject[] {
  if (without.kind === 'none' || without.documents.length === 0) return [];
  return [{ is_empty: { key: at('document') } }, excluding(at('document'), without.documents, NO_DOCUMENT)];
}

type Conditions = readonly JsonObject[];

/**
 * Gates, validity and the deny list's being there; or beside gates and validity what a grant opens. The index holds a document's validity
 * cut to that of its ACL's entries, which a grant does not look at, so a search leaves the time of what is granted to key two; an
 * aggregate, which has no second key, keeps it. A point that lost a gate or a bound is invisible to a grant as well.
 */
function access({ grants, without }: AuthorizedFilter, gate: readonly number[], now: number, layout: PayloadLayout): Conditions {
  const at = keyIn(layout);
  const opens = (key: string): JsonObject => ({ key: at(key), match: { any: gate } });
  /** Either all of these, or of a hosted point the same of its only gate. */
  const or = (only: JsonObject, all: Conditions): Conditions => (layout === 'root' ? all : [{ should: [only, { must: [...all] }] }]);
  const valid: Conditions = [
    { key: at('valid_from'), range: { lte: now } },
    { key: at('valid_until'), range: { gt: now } },
  ];
  const open = GATES.map(opens);
  if (grants.kind === 'none') return or(opens(ONLY), [...open, ...valid, ranged(at('deny'))]);
  const opened = someOf(grants.openings, 'opening').map((opening) => openingCondition(opening, at));
  const timed = without.kind !== 'none';
  const inside = or(opens(ONLY), timed ? open : [...open, ...valid]);
  const bounded = ['valid_from', 'valid_until'].map((key) => ranged(at(key)));
  const whole = [...GATES.map((key) => listed(at(key))), ...bounded, ...(timed ? valid : []), ranged(at('deny'))];
  return [...or(listed(at(ONLY)), whole), { should: [{ must: [...inside] }, ...opened] }];
}

/** True of a point that has a number there. */
const ranged = (key: string): JsonObject => ({ key, range: { gte: NOBODY } });
/** The same where the index finds values and not ranges: a range would be looked up in the payload of each point. */
const listed = (key: string): JsonObject => ({ key, match: { except: [NO_NUMBER] } });

/** True of hosted points that are not in the short form. */
export const SPELT_OUT: RootFilter = { must: [listed(keyIn('reserved')(GATES[0] ?? ''))] };

function openingCondition(opening: Opening, at: KeyOf): JsonObject {
  switch (opening.kind) {
    case 'zones':
      return zoneCondition(opening.zones, at);
    case 'documents': {
      const documents = someOf(opening.documents, 'document');
      return {
        must: [zoneCondition({ kind: 'flat', ids: [opening.zone] }, at), { key: at('document'), match: { any: [...documents] } }],
      };
    }
    default:
      return opening satisfies never;
  }
}

/**
 * Qdrant's filter for what this caller may read. Every condition but the deny fails on a missing field, and the deny, which
 * would pass on one, has a condition of its own that demands the field.
 */
export function toQdrantFilter(filter: AuthorizedFilter, layout: PayloadLayout = 'root'): RootFilter {
  return filterAt(filter, layout, filter.now);
}

/** Seconds for which the filter that counts are estimated by stays the same text. */
const ROUGHLY = 600;

/** The same at about that time, as JSON: for estimates alone, since it may admit what has ended since. */
export const estimatedBy = onceAFilter((filter, layout) =>
  JSON.stringify(filterAt(filter, layout, Math.floor(filter.now / ROUGHLY) * ROUGHLY)),
);

/** `make`, kept for as long as the filter is: legs, stages and refills of a request carry the same one, and so do a caller's next requests. */
export function onceAFilter<T extends object | string>(
  make: (filter: AuthorizedFilter, layout: PayloadLayout) => T,
): (filter: AuthorizedFilter, layout?: PayloadLayout) => T {
  const kept: Readonly<Record<PayloadLayout, WeakMap<AuthorizedFilter, T>>> = { root: new WeakMap(), reserved: new WeakMap() };
  return (filter, layout = 'root') => {
    const made = kept[layout].get(filter) ?? make(filter, layout);
    kept[layout].set(filter, made);
    return made;
  };
}

function filterAt(filter: AuthorizedFilter, layout: PayloadLayout, seconds: number): RootFilter {
  const at = keyIn(layout);
  // Validity is held in whole seconds, so rounding down changes no answer: from ≤ now and until > now stay what they are.
  const now = numbers([Math.floor(seconds)], 0, 'a time')[0] ?? 0;
  const gate = [NO_GATE, ...numbers(filter.gate, 1, 'a principal')];
  const deny = numbers(filter.deny, 1, 'a principal');
  const must: JsonObject[] = [
    { key: at('tenant'), match: { value: filter.tenant } },
    zoneCondition(filter.zones, at),
    { key: at('acl_v'), range: { gte: 1 } },
    ...access(filter, gate, now, layout),
  ];
  // Its keys are those of Sluice's own payload, which a hosted one does not have.
  if (layout === 'reserved' && filter.metadata.kind !== 'none') {
    throw new AppError('internal', { detail: 'a filter over metadata must not reach a hosted collection' });
  }
  // As one condition of its own, so that no clause of the caller's meets one of ours.
  if (filter.metadata.kind === 'filter') must.push(filter.metadata.filter);
  const mustNot = [...(deny.length === 0 ? [] : [{ key: at('deny'), match: { any: deny } }]), ...exclusion(filter.without, at)];
  return mustNot.length === 0 ? { must } : { must, must_not: mustNot };
}
