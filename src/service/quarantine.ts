import type { Catalog } from '../catalog/catalog.ts';
import { uuidOf } from '../core/digest.ts';
import type { HygienePolicy } from '../core/hygiene.ts';
import type { Clock } from '../core/ports/clock.ts';
import type { IssuerSummary } from '../core/ports/identity.ts';
import { principal } from '../core/principal.ts';
import { resolveQuarantined } from '../ingestion/resolve-quarantined.ts';
import { unknownPrincipals, type UnknownPrincipals } from '../ingestion/unknown-principals.ts';

export interface Quarantine {
  /** What holds a document back when it is written. */
  readonly rules: { readonly unknown: UnknownPrincipals; readonly hygiene: HygienePolicy };
  readonly resolve: (signal: AbortSignal) => Promise<number>;
}

/** Who of an ACL is unknown, and how documents come out of quarantine when they become known. */
export function quarantineOf(catalog: Catalog, issuers: readonly IssuerSummary[], clock: Clock, hygiene: HygienePolicy): Quarantine {
  const held = issuers.filter(({ directory }) => directory !== undefined).map(({ name }) => name);
  const unknown = unknownPrincipals(held, (tenant, principals) => catalog.unknownPrincipals(tenant, principals));
  const mender = principal('client', 'machine', 'mender');
  if (mender === undefined) throw new Error('the mender cannot be named');
  const parts = {
    writes: catalog,
    quarantined: catalog.quarantinedDocuments,
    issuers: issuers.map(({ name }) => name),
    groupless: issuers.filter(({ groups }) => groups === 'none').map(({ name }) => name),
    unknown,
    change: () => ({ requestId: uuidOf('local', 'resolve-quarantined', clock.now()), by: mender, through: mender }),
  };
  return { rules: { unknown, hygiene }, resolve: (signal) => resolveQuarantined(parts, signal) };
}
