import { AppError } from '../core/errors.ts';
import type { ReadCatalog } from '../core/ports/catalog.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import { presence, type Presence } from '../core/presence.ts';
import type { RequestContext } from '../core/request-context.ts';
import { auditRights, type AuditRights } from './narrowing.ts';

/** Whoever reads the audit: over the whole tenant, or over what is theirs of some sources. */
export interface AuditReader extends Presence {
  readonly sight: { readonly over: 'tenant' } | { readonly over: 'some'; readonly rights: AuditRights };
}

export interface ReaderParts {
  readonly catalog: ReadCatalog;
  readonly policy: PolicyPort;
}

/** Fails with `forbidden` for whoever may audit nothing at all. */
export async function auditReader({ catalog, policy }: ReaderParts, { caller: asking }: RequestContext): Promise<AuditReader> {
  const here = await presence(catalog, asking);
  const { view, caller } = here;
  if (policy.permitsTenant(view, caller, 'audit').kind === 'permit') return { ...here, sight: { over: 'tenant' } };
  const rights = auditRights(policy, view, caller);
  for (const source of view.sources.keys()) if (rights.any(source)) return { ...here, sight: { over: 'some', rights } };
  throw new AppError('forbidden');
}

/** For answers that speak of the log as a whole. Fails with `forbidden`. */
export async function tenantReader(parts: ReaderParts, context: RequestContext): Promise<AuditReader> {
  const here = await presence(parts.catalog, context.caller);
  if (parts.policy.permitsTenant(here.view, here.caller, 'audit').kind !== 'permit') throw new AppError('forbidden');
  return { ...here, sight: { over: 'tenant' } };
}
