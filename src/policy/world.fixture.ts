import { readFileSync } from 'node:fs';
import type { Caller } from '../core/caller.ts';
import type { SourceId, TenantId, ZoneId } from '../core/ids.ts';
import { labelScheme, type Label, type Level, type Trust } from '../core/label.ts';
import type { PolicyLine } from '../core/policy-lines.ts';
import type { TenantView } from '../core/ports/catalog.ts';
import { silentTelemetry } from '../core/ports/telemetry.ts';
import type { Principal } from '../core/principal.ts';
import type { Ceiling, Source, Zone } from '../core/zone.ts';
import { parsePolicyCsv } from './parse-csv.ts';
import { createPolicy } from './policy.ts';

/** A small tenant for this room's tests. */
export const scheme = labelScheme(['public', 'internal', 'confidential', 'restricted']);
export const purposes = ['answer', 'support', 'audit'] as const;
export const modelText = readFileSync(new URL('../../policies/model.conf', import.meta.url), 'utf8');
export const tenant = 'acme' as TenantId;

export const newPolicy = () => createPolicy({ model: modelText, purposes: [...purposes], scheme, telemetry: silentTelemetry });

export function label(level = 'public', compartments: readonly string[] = [], trust: Trust = 'trusted'): Label {
  return { level: level as Level, compartments, trust };
}

export interface SourceSketch {
  readonly id: string;
  readonly label?: Label;
  readonly ceiling?: Ceiling;
  readonly state?: Source['state'];
}

export interface Sketch {
  readonly policy: string | readonly PolicyLine[];
  readonly sources: readonly SourceSketch[];
  /** Zone id → source and declared label. */
  readonly zones: Readonly<Record<number, readonly [string, Label]>>;
  readonly off?: Partial<TenantView['off']>;
  readonly tenant?: TenantId;
}

export function lines(text: string): readonly PolicyLine[] {
  const parsed = parsePolicyCsv(text);
  if (parsed.problems.length > 0) throw new Error(JSON.stringify(parsed.problems));
  return parsed.lines;
}

export function view(sketch: Sketch): TenantView {
  const of = sketch.tenant ?? tenant;
  const source = (one: SourceSketch): [SourceId, Source] => {
    const id = one.id as SourceId;
    const owner = 'user:idp|owner' as Principal;
    const ceiling = one.ceiling ?? { kind: 'none' };
    return [id, { tenant: of, id, title: id, owner, label: one.label ?? label(), ceiling, revision: 1, state: one.state ?? 'live' }];
  };
  const zone = ([id, [of, declared]]: [string, readonly [string, Label]]): [ZoneId, Zone] => {
    const number = Number(id) as ZoneId;
    return [number, { id: number, source: of as SourceId, declared }];
  };
  return {
    tenant: of,
    generation: 1,
    scheme,
    policy: { id: 'r1', lines: typeof sketch.policy === 'string' ? lines(sketch.policy) : sketch.policy },
    sources: new Map(sketch.sources.map(source)),
    zones: new Map(Object.entries(sketch.zones).map(zone)),
    off: { everything: false, sources: new Set(), principals: new Set(), ...sketch.off },
    collections: new Map(),
    grants: new Map(),
  };
}

export interface CallerSketch {
  readonly user?: string;
  readonly groups?: readonly string[];
  readonly guest?: boolean;
  readonly client?: string;
  readonly actor?: string;
  readonly tenant?: TenantId;
}

export function caller(sketch: CallerSketch): Caller {
  const groups = (sketch.groups ?? []).map((group) => `group:idp|${group}` as Principal);
  return {
    tenant: sketch.tenant ?? tenant,
    issuer: 'idp',
    user:
      sketch.user === undefined
        ? { kind: 'none' }
        : { kind: 'user', principal: `user:idp|${sketch.user}` as Principal, groups, guest: sketch.guest ?? false },
    client: `client:idp|${sketch.client ?? 'app'}` as Principal,
    actor:
      sketch.actor === undefined
        ? { kind: 'none' }
        : { kind: 'actor', principals: [`client:idp|${sketch.actor}` as Principal, `user:idp|${sketch.actor}` as Principal] },
    actorChain: [],
    scopes: new Set(['retrieve']),
    tokenDigest: 'the same for all',
    expiresAt: 0,
  };
}
