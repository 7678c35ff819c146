import type { AuthorizedFilter, FilterSpec } from '../../src/core/filter.ts';
import type { TenantId, ZoneId } from '../../src/core/ids.ts';

/** TESTS ONLY. In the service `policy/` is the only place that mints a filter. */
export function mintFilterForTests(spec: Partial<FilterSpec> = {}): AuthorizedFilter {
  const base: FilterSpec = {
    tenant: 'acme' as TenantId,
    zones: { kind: 'flat', ids: [1 as ZoneId] },
    gate: [],
    deny: [],
    now: 1_700_000_000,
    metadata: { kind: 'none' },
    grants: { kind: 'none' },
    without: { kind: 'none' },
  };
  return { ...base, ...spec } as AuthorizedFilter;
}
