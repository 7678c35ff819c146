import { COMPARTMENT, MAX_COMPARTMENTS, TRUSTS, trustRank, type Label, type LabelScheme, type Trust } from '../core/label.ts';

/**
 * Columns `label` and `trust` of a policy line, parsed. An allow line states a ceiling and a deny line a floor, in forms
 * that the other effect does not have, so that a line written the wrong way round is refused instead of read backwards.
 */
export type LabelTerm =
  | { readonly kind: 'any' }
  | { readonly kind: 'upto'; readonly rank: number; readonly compartments: ReadonlySet<string> }
  /** At or above `rank` (where there is one), or carrying one of `compartments`. */
  | { readonly kind: 'floor'; readonly rank: number; readonly compartments: ReadonlySet<string> };

export type TrustTerm =
  | { readonly kind: 'any' }
  /** Allow: the text must be trusted at least this much. */
  | { readonly kind: 'min'; readonly rank: number }
  /** Allow `ingest`: what the writer hands in counts as trusted this much at most. */
  | { readonly kind: 'as'; readonly rank: number }
  /** Deny: text trusted this much or less. */
  | { readonly kind: 'max'; readonly rank: number };

export type Effect = 'allow' | 'deny';

const NO_RANK = Number.POSITIVE_INFINITY;

export function parseEffect(text: string): Effect | undefined {
  return text === 'allow' || text === 'deny' ? text : undefined;
}

export function parseTrust(text: string): Trust | undefined {
  return TRUSTS.find((trust) => trust === text);
}

function compartmentSet(names: readonly string[]): ReadonlySet<string> | undefined {
  if (names.length > MAX_COMPARTMENTS || new Set(names).size !== names.length) return undefined;
  return names.every((name) => COMPARTMENT.test(name)) ? new Set(names) : undefined;
}

function parseCeiling(scheme: LabelScheme, text: string): LabelTerm | undefined {
  if (!text.startsWith('upto:')) return undefined;
  const [name = '', ...names] = text.slice('upto:'.length).split('+');
  const level = scheme.parse(name);
  const compartments = compartmentSet(names);
  if (level === undefined || compartments === undefined) return undefined;
  return { kind: 'upto', rank: scheme.rank(level), compartments };
}

function parseFloor(scheme: LabelScheme, text: string): LabelTerm | undefined {
  let rank = NO_RANK;
  let compartments: ReadonlySet<string> = new Set();
  const seen = new Set<string>();
  for (const part of text.split('|')) {
    const end = part.indexOf(':') + 1;
    const [form, rest] = [part.slice(0, end), part.slice(end)];
    if (seen.has(form)) return undefined;
    seen.add(form);
    if (form === 'from:') {
      const level = scheme.parse(rest);
      if (level === undefined) return undefined;
      rank = scheme.rank(level);
    } else if (form === 'any:') {
      const named = compartmentSet(rest.split('+'));
      if (named === undefined) return undefined;
      compartments = named;
    } else return undefined;
  }
  return { kind: 'floor', rank, compartments };
}

/** Undefined where the text is not a label column for this effect. */
export function parseLabelTerm(scheme: LabelScheme, eft: Effect, text: string): LabelTerm | undefined {
  if (text === '*') return { kind: 'any' };
  return eft === 'allow' ? parseCeiling(scheme, text) : parseFloor(scheme, text);
}

/** Undefined where the text is not a trust column for this effect. */
export function parseTrustTerm(eft: Effect, text: string): TrustTerm | undefined {
  if (text === '*') return { kind: 'any' };
  const colon = text.indexOf(':');
  const form = text.slice(0, colon);
  const trust = parseTrust(text.slice(colon + 1));
  if (trust === undefined) return undefined;
  const rank = trustRank(trust);
  if (eft === 'deny') return form === 'max' ? { kind: 'max', rank } : undefined;
  if (form === 'min') return { kind: 'min', rank };
  return form === 'as' ? { kind: 'as', rank } : undefined;
}

export function labelMatches(scheme: LabelScheme, term: LabelTerm, label: Label): boolean {
  switch (term.kind) {
    case 'any':
      return true;
    case 'upto':
      return scheme.rank(label.level) <= term.rank && label.compartments.every((c) => term.compartments.has(c));
    case 'floor':
      return scheme.rank(label.level) >= term.rank || label.compartments.some((c) => term.compartments.has(c));
  }
}

export function trustMatches(term: TrustTerm, trust: Trust): boolean {
  switch (term.kind) {
    case 'any':
      return true;
    case 'min':
      return trustRank(trust) >= term.rank;
    case 'as':
    case 'max':
      return trustRank(trust) <= term.rank;
  }
}
