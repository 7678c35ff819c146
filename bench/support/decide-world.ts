import type { Caller } from '../../src/core/caller.ts';
import type { SourceId, TenantId, ZoneId } from '../../src/core/ids.ts';
import { labelScheme, TRUSTS, type Label, type Level, type LabelScheme } from '../../src/core/label.ts';
import { policyRevision, type PolicyLine } from '../../src/core/policy-lines.ts';
import type { TenantView } from '../../src/core/ports/catalog.ts';
import type { Principal } from '../../src/core/principal.ts';
import type { Source, Zone } from '../../src/core/zone.ts';

export const TENANT = 'acme' as TenantId;
export const PURPOSES = ['answer', 'support', 'audit'] as const;
const COMPARTMENTS = ['people', 'legal', 'finance', 'research', 'board'];
const ZONES_A_SOURCE = 8;

/** The same numbers every time, from a seed. */
export function numbersFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 4_294_967_296) * below);
  };
}

export interface DecideWorld {
  readonly scheme: LabelScheme;
  readonly view: TenantView;
  /** Groups that the policy names. */
  readonly groups: number;
}

type Below = (limit: number) => number;

/**
 * A tenant with `zones` zones over sources of eight, and `lines` policy lines: six in ten speak of roles, one of groups, three make
 * groups members of roles; one rule in twenty is a deny. The application may read everything.
 */
export function decideWorld(zones: number, lines: number, roles: number): DecideWorld {
  const scheme = labelScheme(['public', 'internal', 'confidential', 'restricted']);
  const below = numbersFrom(zones + lines);
  const pick = <T>(values: readonly T[]): T => values[below(values.length)] as T;
  const compartments = (oneIn: number): readonly string[] => COMPARTMENTS.filter(() => below(oneIn) === 0);
  const label = (): Label => ({ level: pick(scheme.levels), compartments: compartments(5).toSorted(), trust: pick(TRUSTS) });
  const sources = Array.from({ length: Math.ceil(zones / ZONES_A_SOURCE) }, (_, i): Source => {
    const id = `${pick(['hr', 'wiki', 'fin', 'eng'])}-${i}` as SourceId;
    const plain = { owner: 'user:idp|owner' as Principal, ceiling: { kind: 'none' }, revision: 1, state: 'live' } as const;
    return { tenant: TENANT, id, title: id, label: { ...label(), level: 'public' as Level }, ...plain };
  });
  const zoneList = Array.from({ length: zones }, (_, i): Zone => {
    const source = sources[Math.floor(i / ZONES_A_SOURCE)]?.id ?? ('none' as SourceId);
    return { id: (i * 2 + 1) as ZoneId, source, declared: label() };
  });
  const view: TenantView = {
    tenant: TENANT,
    generation: 1,
    scheme,
    policy: policyRevision(policyLines(below, sources, scheme, lines, roles)),
    sources: new Map(sources.map((source) => [source.id, source])),
    zones: new Map(zoneList.map((zone) => [zone.id, zone])),
    off: { everything: false, sources: new Set(), principals: new Set() },
    collections: new Map(),
    grants: new Map(),
  };
  return { scheme, view, groups: groupsOf(lines) };
}

const groupsOf = (lines: number): number => Math.floor(lines * 0.3);

function policyLines(below: Below, sources: readonly Source[], scheme: LabelScheme, lines: number, roles: number): readonly PolicyLine[] {
  const pick = <T>(values: readonly T[]): T => values[below(values.length)] as T;
  const everything = `upto:restricted+${COMPARTMENTS.join('+')}`;
  const policy: string[][] = [['p', 'client:idp|app', TENANT, '*', 'retrieve', everything, '*', '*', 'allow']];
  const pattern = (): string => (below(4) === 0 ? pick(['*', 'hr-*', 'wiki-*', 'fin-1*', 'eng-2*']) : pick(sources).id);
  const floor = (): string => pick(['from:restricted', 'any:board', 'from:restricted|any:legal']);
  const ceiling = (): string => `upto:${[pick(scheme.levels), ...COMPARTMENTS.filter(() => below(2) === 0)].join('+')}`;
  const rule = (who: string): string[] => {
    if (below(20) === 0) return ['p', who, TENANT, pattern(), 'retrieve', floor(), '*', '*', 'deny'];
    return ['p', who, TENANT, pattern(), 'retrieve', ceiling(), pick(['*', 'min:internal']), pick(['*', '*', 'audit']), 'allow'];
  };
  const groups = groupsOf(lines);
  for (let i = 0; policy.length + groups < lines; i += 1)
    policy.push(rule(i % 7 === 6 ? `group:idp|g${below(groups)}` : `role:r${i % roles}`));
  for (let i = 0; i < groups; i += 1) policy.push(['g', `group:idp|g${i}`, `role:r${below(roles)}`, TENANT]);
  return policy.map(([type, ...columns], i): PolicyLine => ({ type: type === 'g' ? 'g' : 'p', columns, line: i + 1 }));
}

/** A person with `count` groups, of those the policy names as long as there are enough. Another `n`, another person. */
export function person(world: DecideWorld, count: number, n: number): Caller {
  const groups = Array.from({ length: count }, (_, i) => `group:idp|g${i < world.groups ? (n * 31 + i) % world.groups : i}` as Principal);
  return {
    tenant: TENANT,
    issuer: 'idp',
    user: { kind: 'user', principal: `user:idp|u${n}` as Principal, groups, guest: false },
    client: 'client:idp|app' as Principal,
    actor: { kind: 'none' },
    actorChain: [],
    scopes: new Set(['retrieve']),
    tokenDigest: String(n),
    expiresAt: 0,
  };
}
