import type { Brand } from './brand.ts';
import type { DocumentKey, SourceId, TenantId, ZoneId } from './ids.ts';
import type { Level, Trust } from './label.ts';
import type { JsonObject } from './json.ts';

/**
 * A caller's own filter over `metadata.*`, already checked and rebuilt from an allow-list of Qdrant's filter language.
 * It can only narrow: the store puts it inside `must`, as one condition of its own.
 */
export type MetadataFilter = Brand<JsonObject, 'MetadataFilter'>;

/** What a request may ask to be narrowed by. An absent field does not narrow. */
export interface Restriction {
  readonly sources?: readonly SourceId[];
  readonly minTrust?: Trust;
  readonly maxLevel?: Level;
  readonly filter?: MetadataFilter;
}

/** A zone set in the form that is cheapest to search by; `src/policy/zone-term.ts` chooses it. Never empty. */
export type ZoneTerm =
  { readonly kind: 'flat'; readonly ids: readonly ZoneId[] } | { readonly kind: 'runs'; readonly runs: readonly ZoneRun[] };

/** From `first` to `last`, both inclusive and both existing when the filter was made, without `holes`. */
export interface ZoneRun {
  readonly first: ZoneId;
  readonly last: ZoneId;
  readonly holes: readonly ZoneId[];
}

export interface FilterSpec {
  readonly tenant: TenantId;
  readonly zones: ZoneTerm;
  /** Numbers of the principals a gate may name; the store adds 0, "no gate here". May be empty of numbers, never of meaning. */
  readonly gate: readonly number[];
  /** Numbers of the principals a deny may name. */
  readonly deny: readonly number[];
  /** Seconds since 1970; documents outside their validity do not match. */
  readonly now: number;
  readonly metadata: { readonly kind: 'none' } | { readonly kind: 'filter'; readonly filter: MetadataFilter };
  readonly grants: GrantTerm;
  readonly without: Exclusion;
}

/** What the caller's grants open, whatever its gates say; everything else of the filter holds there too. Never an empty list. */
export type GrantTerm = { readonly kind: 'none' } | { readonly kind: 'opened'; readonly openings: readonly [Opening, ...Opening[]] };
export type Opening =
  | { readonly kind: 'zones'; readonly zones: ZoneTerm }
  | { readonly kind: 'documents'; readonly zone: ZoneId; readonly documents: readonly [DocumentKey, ...DocumentKey[]] };

/**
 * Whether key two comes after. `none`: each hit is judged, and the index need not be right. `documents`: an aggregate has no hits that
 * key two could judge, so what only the catalog knows is named here, and left out whatever the index says of it; where there is
 * nothing of the kind the list has no members, and the filter is still that of an aggregate (`vectors/filter.ts` looks at the kind).
 */
export type Exclusion = { readonly kind: 'none' } | { readonly kind: 'documents'; readonly documents: readonly DocumentKey[] };

/** A private member instead of a branded property: a spread would carry the brand over to a copy with a wider gate. */
declare class Minted {
  readonly #minted: true;
}

/** Only `policy/` mints one (`mintFilter`), so an unfiltered search does not compile. */
export type AuthorizedFilter = FilterSpec & Minted;

/** Absence is a variant: `none` never reaches the store. */
export type Authorization = { readonly kind: 'none' } | { readonly kind: 'filter'; readonly filter: AuthorizedFilter };
