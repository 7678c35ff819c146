import { normaliseAcl, type Acl } from '../core/acl.ts';
import { digestOf, type Digest } from '../core/digest.ts';
import { AppError } from '../core/errors.ts';
import type { SourceId, TenantId, ZoneId } from '../core/ids.ts';
import { sortedUnique, type Label, type LabelScheme } from '../core/label.ts';
import type { PolicyLine, PolicyRevision } from '../core/policy-lines.ts';
import type { Principal } from '../core/principal.ts';
import type { Source, Zone } from '../core/zone.ts';
import type { PolicyRevisionRow, SourceRow, ZoneRow } from '../database/catalog-tables.ts';

/** The columns of a label, compartments as sorted JSON. */
export type LabelColumns = Pick<ZoneRow, 'level' | 'compartments' | 'trust'>;

export function labelColumns(label: Label): LabelColumns {
  return { level: label.level, compartments: JSON.stringify(sortedUnique(label.compartments)), trust: label.trust };
}

/** Fails with `policy_unavailable` where the level has left the scheme: nothing can be decided about what carries it. */
export function labelOf(scheme: LabelScheme, columns: LabelColumns): Label {
  const level = scheme.parse(columns.level);
  if (level === undefined) throw new AppError('policy_unavailable', { detail: 'the catalog holds a level outside the label scheme' });
  return { level, compartments: JSON.parse(columns.compartments) as readonly string[], trust: columns.trust };
}

/** The same for equal labels and for no others. */
export function labelDigest(label: Label): Digest {
  const { level, compartments, trust } = labelColumns(label);
  return digestOf(JSON.stringify([level, compartments, trust]));
}

export function aclText(acl: Acl): string {
  const { gates, deny } = normaliseAcl(acl);
  return JSON.stringify({ gates, deny });
}

export function aclOf(text: string): Acl {
  return JSON.parse(text) as Acl;
}

export function sourceOf(scheme: LabelScheme, row: SourceRow): Source {
  return {
    tenant: row.tenant as TenantId,
    id: row.source as SourceId,
    title: row.title,
    owner: row.owner as Principal,
    label: labelOf(scheme, row),
    ceiling: row.ceiling === null ? { kind: 'none' } : { kind: 'gate', principals: JSON.parse(row.ceiling) as readonly Principal[] },
    revision: row.revision,
    state: row.state === 'live' ? 'live' : 'deleting',
  };
}

export function zoneOf(scheme: LabelScheme, row: Pick<ZoneRow, 'zone' | 'source'> & LabelColumns): Zone {
  return { id: row.zone as ZoneId, source: row.source as SourceId, declared: labelOf(scheme, row) };
}

export function policyColumns(revision: PolicyRevision): Pick<PolicyRevisionRow, 'revision' | 'digest' | 'lines'> {
  const lines = JSON.stringify(revision.lines.map(({ type, columns, line }) => ({ type, columns, line })));
  return { revision: revision.id, digest: digestOf(lines), lines };
}

/** Fails with `policy_unavailable` where the lines are no longer the ones that were stored. */
export function policyOf(row: Pick<PolicyRevisionRow, 'revision' | 'digest' | 'lines'>): PolicyRevision {
  if (digestOf(row.lines) !== row.digest) throw new AppError('policy_unavailable', { detail: 'a stored policy revision was altered' });
  return { id: row.revision, lines: JSON.parse(row.lines) as readonly PolicyLine[] };
}
