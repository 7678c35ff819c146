import fc from 'fast-check';
import {
  anyCeiling,
  anyLine,
  anyZone,
  LEVELS,
  PRINCIPALS,
  TRUSTS,
  type CaseSource,
  type CaseZone,
  type DecisionCase,
} from './decisions-case.ts';

/** What may happen to a tenant between two views of it. */
export type Change = (one: DecisionCase) => DecisionCase;

const at = fc.nat(40);
const nth = (list: readonly unknown[], index: number): number => (list.length === 0 ? 0 : index % list.length);
const toggled = (list: readonly string[], value: string): readonly string[] =>
  list.includes(value) ? list.filter((one) => one !== value) : [...list, value];

function withSource(one: DecisionCase, n: number, change: (source: CaseSource) => CaseSource): DecisionCase {
  return { ...one, sources: one.sources.map((source, i) => (i === nth(one.sources, n) ? change(source) : source)) };
}

/** A new zone's id lies anywhere: ids are handed out in blocks, so a newer one may be lower. */
function withZone(one: DecisionCase, zone: Omit<CaseZone, 'id'>, wanted: number): DecisionCase {
  const taken = new Set(one.zones.map(({ id }) => id));
  let id = wanted + 1;
  while (taken.has(id)) id += 1;
  return { ...one, zones: [...one.zones, { id, ...zone }].toSorted((a, b) => a.id - b.id) };
}

function withLine(one: DecisionCase, n: number, line: string): DecisionCase {
  const index = nth(one.lines, n);
  const isRule = one.lines[index]?.startsWith('p,') === true;
  return { ...one, lines: isRule ? one.lines.toSpliced(index, 1, line) : [...one.lines, line] };
}

const zones = fc.oneof(
  fc.tuple(anyZone, at).map(
    ([{ source, label }, id]): Change =>
      (one) =>
        withZone(one, { source, ...label }, id),
  ),
  at.map((n): Change => (one) => ({ ...one, zones: one.zones.toSpliced(nth(one.zones, n), 1) })),
  // As many as before, and others: what goes by the number of zones alone takes them for the same.
  fc.tuple(anyZone, at, at).map(
    ([{ source, label }, id, n]): Change =>
      (one) =>
        withZone({ ...one, zones: one.zones.toSpliced(nth(one.zones, n), 1) }, { source, ...label }, id),
  ),
);
const sources = fc.oneof(
  fc.tuple(at, fc.constantFrom(...LEVELS), fc.constantFrom(...TRUSTS), fc.subarray(['legal', 'people'])).map(
    ([n, level, trust, compartments]): Change =>
      (one) =>
        withSource(one, n, (source) => ({ ...source, level, trust, compartments })),
  ),
  fc.tuple(at, anyCeiling).map(
    ([n, ceiling]): Change =>
      (one) =>
        withSource(one, n, ({ ceiling: _, ...source }) => (ceiling === undefined ? source : { ...source, ceiling })),
  ),
  at.map(
    (n): Change =>
      (one) =>
        withSource(one, n, (s) => ({ ...s, state: s.state === 'deleting' ? 'live' : 'deleting' })),
  ),
);
const switches = fc.oneof(
  at.map((n): Change => (one) => {
    return { ...one, off: { ...one.off, sources: toggled(one.off.sources, one.sources[nth(one.sources, n)]?.id ?? 'hr') } };
  }),
  fc
    .constantFrom(...PRINCIPALS)
    .map((name): Change => (one) => ({ ...one, off: { ...one.off, principals: toggled(one.off.principals, name) } })),
  fc.constant<Change>((one) => ({ ...one, off: { ...one.off, everything: !one.off.everything } })),
);
const lines = fc.oneof(
  fc.tuple(at, anyLine).map(
    ([n, line]): Change =>
      (one) =>
        withLine(one, n, line),
  ),
  fc.tuple(at, anyLine).map(([n, line]): Change => (one) => ({ ...one, lines: one.lines.toSpliced(nth(one.lines, n), 0, line) })),
  at.map((n): Change => (one) => ({ ...one, lines: one.lines.toSpliced(nth(one.lines, n), 1) })),
);

const single: fc.Arbitrary<Change> = fc.oneof(
  { weight: 4, arbitrary: zones },
  { weight: 4, arbitrary: sources },
  { weight: 2, arbitrary: switches },
  { weight: 4, arbitrary: lines },
  { weight: 1, arbitrary: fc.constant<Change>((one) => one) },
);

/** One change, or several that no request came between: a view may follow another after any number of generations. */
export const anyChange: fc.Arbitrary<Change> = fc
  .oneof({ weight: 2, arbitrary: fc.tuple(single) }, fc.array(single, { minLength: 2, maxLength: 4 }))
  .map(
    (changes): Change =>
      (one) =>
        changes.reduce((state, change) => change(state), one),
  );
