import type { TenantId } from './ids.ts';
import type { Label, LabelScheme, Level } from './label.ts';

/** From which level on another person has to allow a replay. */
export type SecondPersonFrom = Level | 'always' | 'never';

export interface EvidencePolicy {
  readonly secondPersonFrom: SecondPersonFrom;
  /** In place of it for these tenants. */
  readonly tenants: ReadonlyMap<string, SecondPersonFrom>;
}

/** Where there is no `evidence.yaml`: from the second most sensitive level on, which is `confidential` of the levels that come with Sluice. */
export function defaultEvidencePolicy({ levels }: LabelScheme): EvidencePolicy {
  return { secondPersonFrom: levels.at(-2) ?? levels[0], tenants: new Map() };
}

/** An empty answer has no label, and nothing in it to protect. */
export function needsSecondPerson(policy: EvidencePolicy, scheme: LabelScheme, tenant: TenantId, label: Label | undefined): boolean {
  const from = policy.tenants.get(tenant) ?? policy.secondPersonFrom;
  if (from === 'never') return false;
  if (from === 'always') return true;
  return label !== undefined && scheme.rank(label.level) >= scheme.rank(from);
}
