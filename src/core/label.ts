import type { Brand } from './brand.ts';

/** A sensitivity level named in the deployment's label scheme. */
export type Level = Brand<string, 'Level'>;
/** How far text may be trusted as input to a model. A second axis, independent of sensitivity. */
export type Trust = 'trusted' | 'internal' | 'external';

export const TRUSTS = ['external', 'internal', 'trusted'] as const satisfies readonly Trust[];

/** `compartments` is sorted and without duplicates. */
export interface Label {
  readonly level: Level;
  readonly compartments: readonly string[];
  readonly trust: Trust;
}

/** Levels from the least to the most sensitive (`labels.json`). */
export interface LabelScheme {
  readonly levels: readonly [Level, ...Level[]];
  /** Position of a level, 0 = least sensitive. Total: a `Level` exists only if the scheme knows it. */
  rank(level: Level): number;
  parse(name: string): Level | undefined;
}

export const COMPARTMENT = /^[a-z0-9][a-z0-9-]{0,62}$/;
export const MAX_COMPARTMENTS = 64;

export function labelScheme(names: readonly string[]): LabelScheme {
  const ranks = new Map(names.map((name, index) => [name, index]));
  const [lowest, ...rest] = names as readonly Level[];
  if (lowest === undefined || ranks.size !== names.length) {
    throw new Error('a label scheme needs at least one level, each named once');
  }
  if (!names.every((name) => COMPARTMENT.test(name))) {
    throw new Error('a level is named with lower-case letters, digits and hyphens');
  }
  return {
    levels: [lowest, ...rest],
    rank(level) {
      const rank = ranks.get(level);
      if (rank === undefined) throw new Error('a level outside the scheme');
      return rank;
    },
    parse: (name) => (ranks.has(name) ? (name as Level) : undefined),
  };
}

export function trustRank(trust: Trust): number {
  return TRUSTS.indexOf(trust);
}

export function lowerTrust(a: Trust, b: Trust): Trust {
  return trustRank(a) <= trustRank(b) ? a : b;
}

export function sortedUnique(values: readonly string[]): readonly string[] {
  return [...new Set(values)].sort();
}

/** Highest level, union of compartments, lowest trust. */
export function joinLabels(scheme: LabelScheme, a: Label, b: Label): Label {
  return {
    level: scheme.rank(a.level) >= scheme.rank(b.level) ? a.level : b.level,
    compartments: sortedUnique([...a.compartments, ...b.compartments]),
    trust: lowerTrust(a.trust, b.trust),
  };
}

/** The label of an answer: the join of all of them; undefined for none, since nothing has no label. */
export function jointLabel(scheme: LabelScheme, labels: readonly Label[]): Label | undefined {
  const [first, ...rest] = labels;
  return first === undefined ? undefined : rest.reduce((joint, label) => joinLabels(scheme, joint, label), first);
}

/** What an unlabelled document declares: it adds nothing to its source's label. */
export function neutralLabel(scheme: LabelScheme): Label {
  return { level: scheme.levels[0], compartments: [], trust: 'trusted' };
}

/** True where `a` is nowhere below `b`: at least as high, every compartment of `b`, trusted no more than `b`. */
export function atLeastAsSensitive(scheme: LabelScheme, a: Label, b: Label): boolean {
  return (
    scheme.rank(a.level) >= scheme.rank(b.level) &&
    b.compartments.every((c) => a.compartments.includes(c)) &&
    trustRank(a.trust) <= trustRank(b.trust)
  );
}
