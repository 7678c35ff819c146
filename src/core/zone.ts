import type { SourceId, TenantId, ZoneId } from './ids.ts';
import { joinLabels, type Label, type LabelScheme } from './label.ts';
import type { Principal } from './principal.ts';

export const MAX_ZONES_PER_SOURCE = 64;
export const MAX_ZONES_PER_TENANT = 20_000;

/** All chunks of one tenant with the same source and the same *declared* label. */
export interface Zone {
  readonly id: ZoneId;
  readonly source: SourceId;
  readonly declared: Label;
}

/** `ceiling`: a gate over everything in the source, on top of each document's own gates. */
export type Ceiling = { readonly kind: 'none' } | { readonly kind: 'gate'; readonly principals: readonly Principal[] };

export interface Source {
  readonly tenant: TenantId;
  readonly id: SourceId;
  readonly title: string;
  readonly owner: Principal;
  readonly label: Label;
  readonly ceiling: Ceiling;
  /** Counts up with every change. */
  readonly revision: number;
  readonly state: 'live' | 'deleting';
}

/** What Casbin is asked about: a zone with its effective label, or a source as a whole for management actions. */
export interface PolicyObject {
  readonly tenant: TenantId;
  readonly source: SourceId;
  readonly label: Label;
}

/** Effective label = join of source and declared, computed now, so relabelling a source touches no vector. */
export function effectiveZone(scheme: LabelScheme, source: Source, declared: Label): PolicyObject {
  return { tenant: source.tenant, source: source.id, label: joinLabels(scheme, source.label, declared) };
}
