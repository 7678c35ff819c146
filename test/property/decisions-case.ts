import fc from 'fast-check';

/**
 * A case as plain data, so that one that goes wrong can be kept as a file. `@` in a policy line stands for the tenant, `@b` for a second
 * one with the same sources, zones and chunks and a policy of its own. Principals and columns as in policy.csv.
 */
export interface DecisionCase {
  readonly about?: string;
  readonly lines: readonly string[];
  readonly otherLines: readonly string[];
  readonly sources: readonly CaseSource[];
  readonly zones: readonly CaseZone[];
  /** `zone` counts from 0 in `zones`. */
  readonly chunks: readonly { readonly zone: number; readonly gates: readonly (readonly string[])[]; readonly deny: readonly string[] }[];
  readonly off: { readonly everything: boolean; readonly sources: readonly string[]; readonly principals: readonly string[] };
  readonly callers: readonly CaseCaller[];
  readonly purpose: string;
  readonly restriction: { readonly sources?: readonly string[]; readonly minTrust?: string; readonly maxLevel?: string };
}

export interface CaseLabel {
  readonly level: string;
  readonly compartments: readonly string[];
  readonly trust: string;
}
export interface CaseSource extends CaseLabel {
  readonly id: string;
  readonly ceiling?: readonly string[];
  readonly state?: 'live' | 'deleting';
}
export interface CaseZone extends CaseLabel {
  readonly id: number;
  readonly source: string;
}
export interface CaseCaller {
  readonly other?: boolean;
  readonly user?: string;
  readonly groups: readonly string[];
  readonly guest: boolean;
  readonly client: string;
  readonly actors: readonly string[];
}

export const LEVELS = ['public', 'internal', 'confidential', 'restricted'] as const;
export const TRUSTS = ['external', 'internal', 'trusted'] as const;
export const PURPOSES = ['answer', 'support', 'audit'] as const;
export const COMPARTMENTS = ['finance', 'legal', 'people'];
const SOURCES = ['hr', 'hr-notes', 'hrx', 'wiki', 'Wiki'];
export const GROUPS = ['group:idp|a', 'group:idp|b', 'group:idp|c|d', 'group:other|a', 'group:idp|*'];
const USERS = ['user:idp|u', 'user:idp|v'];
export const CLIENTS = ['client:idp|app', 'client:idp|bot'];
const BUILT_IN = ['everyone', 'everyone-except-guests'];
export const PRINCIPALS = [...USERS, ...GROUPS, ...CLIENTS, ...BUILT_IN];
const ROLES = Array.from({ length: 6 }, (_, i) => `role:r${i}`);
const EVERYTHING = `upto:restricted+${COMPARTMENTS.join('+')}`;

const some = fc.constantFrom;
const often = <T>(weight: number, usual: T, arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary });
const labelOf = fc.record({
  level: some(...LEVELS),
  compartments: often<string[]>(2, [], fc.subarray(COMPARTMENTS)),
  trust: some(...TRUSTS),
});
const who = fc.oneof({ weight: 2, arbitrary: some(...PRINCIPALS) }, some(...ROLES));
const pattern = fc.oneof(fc.constant('*'), some(...SOURCES), some('h*', 'hr*', 'hr-*', 'wi*', 'W*'));
const compartments = fc.subarray(COMPARTMENTS, { minLength: 1 }).map((names) => `any:${names.join('+')}`);
const from = some(...LEVELS).map((level) => `from:${level}`);

/** `act` and what fits it; `@` for the tenant. */
const allow = fc
  .record({
    who,
    pattern,
    act: often<string>(4, 'retrieve', some('ingest', 'audit', 'replay')),
    level: some(...LEVELS),
    cleared: fc.subarray(COMPARTMENTS),
    trust: fc.option(some(...TRUSTS), { freq: 2, nil: undefined }),
    purpose: often<string>(3, '*', some(...PURPOSES)),
  })
  .map((one) => {
    const trust = one.trust === undefined ? '*' : `${one.act === 'ingest' ? 'as' : 'min'}:${one.trust}`;
    return `p, ${one.who}, @, ${one.pattern}, ${one.act}, upto:${[one.level, ...one.cleared].join('+')}, ${trust}, ${one.purpose}, allow`;
  });
const deny = fc
  .record({
    who,
    pattern,
    act: often<string>(4, 'retrieve', some('ingest', 'audit')),
    label: fc.oneof(
      fc.constant('*'),
      from,
      compartments,
      fc.tuple(from, compartments).map((both) => both.join('|')),
    ),
    trust: often<string>(
      2,
      '*',
      some(...TRUSTS).map((trust) => `max:${trust}`),
    ),
  })
  .map((one) => `p, ${one.who}, @, ${one.pattern}, ${one.act}, ${one.label}, ${one.trust}, *, deny`);
// Without an application and people that may do much, most callers may do nothing, and agreeing on nothing proves little.
const broad = some('retrieve', 'retrieve', 'ingest', 'audit').map((act) => `p, client:idp|app, @, *, ${act}, ${EVERYTHING}, *, *, allow`);
const broadly = fc
  .tuple(some('everyone', 'everyone', 'group:idp|a', 'user:idp|u'), some('*', 'h*', 'hr'), some('retrieve', 'retrieve', 'replay', 'audit'))
  .map(([name, on, act]) => `p, ${name}, @, ${on}, ${act}, upto:confidential+people+legal, *, *, allow`);
// A role leads to a later one only, so there is no circle; and a chain longer than Casbin's own role manager would follow.
const membership = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(some(...PRINCIPALS), some(...ROLES)).map(([member, role]) => [`g, ${member}, ${role}, @`]) },
  { weight: 2, arbitrary: fc.tuple(fc.nat(4), fc.nat(4)).map(([a, step]) => [`g, role:r${a}, role:r${Math.min(a + 1 + step, 5)}, @`]) },
  {
    weight: 1,
    arbitrary: fc.record({ member: some(...PRINCIPALS), length: fc.integer({ min: 9, max: 40 }), target: some(...ROLES) }).map((one) => {
      const links = Array.from({ length: one.length - 1 }, (_, i) => `g, role:long${one.length}.${i}, role:long${one.length}.${i + 1}, @`);
      const [first, last] = [`role:long${one.length}.0`, `role:long${one.length}.${one.length - 1}`];
      return [`g, ${one.member}, ${first}, @`, ...links, `g, ${last}, ${one.target}, @`];
    }),
  },
);
export const anyLine = fc.oneof({ weight: 3, arbitrary: allow }, deny);
export const anyLines = fc
  .record({
    broad: fc.array(broad, { minLength: 1, maxLength: 3 }),
    broadly: fc.array(broadly, { maxLength: 3 }),
    allows: fc.array(allow, { maxLength: 24, size: 'max' }),
    denies: fc.array(deny, { maxLength: 4 }),
    roles: fc.array(membership, { maxLength: 8 }).map((parts) => [...new Set(parts.flat())]),
  })
  .map((one) => [...one.broad, ...one.broadly, ...one.roles, ...one.denies, ...one.allows]);

export const anyCeiling = often<readonly string[] | undefined>(4, undefined, fc.subarray(PRINCIPALS));
const sources = fc
  .tuple(
    ...SOURCES.map((id) =>
      fc
        .tuple(labelOf, anyCeiling, often<'live' | 'deleting'>(12, 'live', fc.constant('deleting')))
        .map(([label, ceiling, state]): CaseSource => {
          return {
            id,
            ...label,
            level: label.level === 'restricted' ? 'public' : label.level,
            state,
            ...(ceiling === undefined ? {} : { ceiling }),
          };
        }),
    ),
  )
  .map((all): readonly CaseSource[] => all);
export const anyZone = fc.record({
  source: often<string>(20, 'hr', fc.constant('gone')).chain((one) => (one === 'hr' ? some(...SOURCES) : fc.constant(one))),
  label: labelOf,
});

const gate = fc.oneof(
  { weight: 2, arbitrary: fc.constant(['everyone']) },
  { weight: 3, arbitrary: fc.subarray(PRINCIPALS, { maxLength: 4 }) },
  {
    weight: 2,
    arbitrary: fc.subarray(PRINCIPALS, { minLength: 5 }),
  },
);
const gates = fc.oneof(
  { weight: 5, arbitrary: fc.array(gate, { minLength: 1, maxLength: 2 }) },
  {
    weight: 2,
    arbitrary: fc.array(fc.oneof(fc.constant(['everyone']), fc.subarray(PRINCIPALS, { minLength: 6 })), {
      minLength: 3,
      maxLength: 8,
      size: 'max',
    }),
  },
  { weight: 1, arbitrary: fc.constant<string[][]>([]) },
);
export const anyCaller = fc
  .record({
    other: often(6, false, fc.constant(true)),
    user: fc.option(some(...USERS), { freq: 5, nil: undefined }),
    groups: fc.subarray(GROUPS),
    guest: fc.boolean(),
    client: some('client:idp|app', ...CLIENTS),
    actors: often<string[]>(
      3,
      [],
      fc.oneof(
        some(...CLIENTS).map((one) => [one]),
        fc.constant<string[]>(['user:idp|v', 'client:idp|bot']),
      ),
    ),
  })
  .map(({ user, ...rest }): CaseCaller => (user === undefined ? { ...rest, groups: [] } : { ...rest, user }));

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { freq: 1, nil: undefined });
const restriction = often<DecisionCase['restriction']>(
  3,
  {},
  fc
    .tuple(optional(fc.subarray(SOURCES, { minLength: 1 })), optional(some(...TRUSTS)), optional(some(...LEVELS)))
    .map(([within, minTrust, maxLevel]) => ({
      ...(within === undefined ? {} : { sources: within }),
      ...(minTrust === undefined ? {} : { minTrust }),
      ...(maxLevel === undefined ? {} : { maxLevel }),
    })),
);

export const anyCase: fc.Arbitrary<DecisionCase> = fc
  .record({
    lines: anyLines,
    otherLines: anyLines,
    sources,
    zones: fc.array(fc.tuple(anyZone, fc.integer({ min: 1, max: 4 })), { minLength: 4, maxLength: 9 }),
    chunks: fc.array(fc.record({ zone: fc.nat(8), gates, deny: often<string[]>(3, [], fc.subarray(PRINCIPALS, { maxLength: 2 })) }), {
      minLength: 8,
      maxLength: 14,
    }),
    off: fc.record({
      everything: often(30, false, fc.constant(true)),
      sources: often<string[]>(6, [], fc.subarray(SOURCES, { maxLength: 2 })),
      principals: often<string[]>(8, [], fc.subarray(PRINCIPALS, { maxLength: 1 })),
    }),
    callers: fc.array(anyCaller, { minLength: 2, maxLength: 4 }),
    purpose: some(...PURPOSES),
    restriction,
  })
  .map(({ zones, chunks, ...rest }) => {
    let id = 0;
    // Ids with gaps: what lies between must stay outside.
    const numbered = zones.map(([zone, step]): CaseZone => ({ id: (id += step), source: zone.source, ...zone.label }));
    return { ...rest, zones: numbered, chunks: chunks.map((chunk) => ({ ...chunk, zone: chunk.zone % numbered.length })) };
  });
