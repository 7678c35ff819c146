import { readFileSync } from 'node:fs';
import type { Caller } from '../../src/core/caller.ts';
import type { SourceId, TenantId, ZoneId } from '../../src/core/ids.ts';
import { labelScheme, type Label, type Level, type Trust } from '../../src/core/label.ts';
import type { PolicyLine } from '../../src/core/policy-lines.ts';
import type { TenantView } from '../../src/core/ports/catalog.ts';
import { silentTelemetry } from '../../src/core/ports/telemetry.ts';
import type { Principal } from '../../src/core/principal.ts';
import type { Source, Zone } from '../../src/core/zone.ts';
import { createPolicy } from '../../src/policy/policy.ts';
import { LEVELS, PURPOSES, type CaseCaller, type CaseLabel, type CaseSource, type CaseZone, type DecisionCase } from './decisions-case.ts';

const MODEL = readFileSync(new URL('../../policies/model.conf', import.meta.url), 'utf8');
export const scheme = labelScheme([...LEVELS]);
export const newPolicy = () => createPolicy({ model: MODEL, purposes: [...PURPOSES], scheme, telemetry: silentTelemetry });

/** Two tenants of one case: the one asked about, and one with the same names and numbers. */
export interface Tenants {
  readonly own: TenantId;
  readonly other: TenantId;
}

export function linesFor(tenant: string, lines: readonly string[]): readonly PolicyLine[] {
  return lines.map((text, index): PolicyLine => {
    const [type = '', ...columns] = text.split(',').map((column) => column.trim());
    return { type: type === 'g' ? 'g' : 'p', columns: columns.map((column) => (column === '@' ? tenant : column)), line: index + 1 };
  });
}

export function labelFor({ level, compartments, trust }: CaseLabel): Label {
  return { level: level as Level, compartments: compartments.toSorted(), trust: trust as Trust };
}

export function sourceFor(tenant: TenantId, source: CaseSource): Source {
  const id = source.id as SourceId;
  const { ceiling, state = 'live' } = source;
  return {
    tenant,
    id,
    title: id,
    owner: 'user:idp|owner' as Principal,
    label: labelFor(source),
    ceiling: ceiling === undefined ? { kind: 'none' } : { kind: 'gate', principals: ceiling as readonly Principal[] },
    revision: 1,
    state,
  };
}

export function zoneFor(zone: CaseZone): Zone {
  return { id: zone.id as ZoneId, source: zone.source as SourceId, declared: labelFor(zone) };
}

export function viewOf(one: DecisionCase, tenant: TenantId, lines: readonly string[]): TenantView {
  return {
    tenant,
    generation: 1,
    scheme,
    policy: { id: `r-${tenant}`, lines: linesFor(tenant, lines) },
    sources: new Map(one.sources.map((source) => [source.id as SourceId, sourceFor(tenant, source)])),
    zones: new Map(one.zones.map((zone) => [zone.id as ZoneId, zoneFor(zone)])),
    grants: new Map(),
    collections: new Map(),
    off: {
      everything: one.off.everything,
      sources: new Set(one.off.sources as readonly SourceId[]),
      principals: new Set(one.off.principals as readonly Principal[]),
    },
  };
}

export function callerOf({ own, other }: Tenants, caller: CaseCaller): Caller {
  const [first, ...rest] = caller.actors as readonly Principal[];
  return {
    tenant: caller.other === true ? other : own,
    issuer: 'idp',
    user:
      caller.user === undefined
        ? { kind: 'none' }
        : { kind: 'user', principal: caller.user as Principal, groups: caller.groups as readonly Principal[], guest: caller.guest },
    client: caller.client as Principal,
    actor: first === undefined ? { kind: 'none' } : { kind: 'actor', principals: [first, ...rest] },
    actorChain: [],
    scopes: new Set(['retrieve']),
    tokenDigest: 'the same for all',
    expiresAt: 0,
  };
}
