import { named } from '../core/audit-names.ts';
import { actingPrincipal, type Caller } from '../core/caller.ts';
import { AppError } from '../core/errors.ts';
import type { AuditPort, StoredAuditEvent } from '../core/ports/audit.ts';
import type { ReadCatalog } from '../core/ports/catalog.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import { presence } from '../core/presence.ts';
import { auditRights, narrowedRequest } from './narrowing.ts';

export interface TraceParts {
  readonly catalog: ReadCatalog;
  readonly policy: PolicyPort;
  readonly audit: AuditPort;
}

/**
 * The events of one request, for those with `audit`: over the whole tenant, or over sources whose chunks it released, and
 * then only those chunks. Everybody else, and everybody for an unknown id, gets `not_found`. The reading is an event too.
 */
export async function traceRequest(
  parts: TraceParts,
  asking: Caller,
  reading: { readonly requestId: string; readonly traced: string },
): Promise<readonly StoredAuditEvent[]> {
  const { caller, view } = await presence(parts.catalog, asking);
  const events = await parts.audit.byRequest(caller.tenant, reading.traced);
  const whole = parts.policy.permitsTenant(view, caller, 'audit').kind === 'permit';
  const visible = whole ? events : narrowedRequest(events, auditRights(parts.policy, view, caller));
  if (visible.length === 0) throw new AppError('not_found');
  await parts.audit.append({
    tenant: caller.tenant,
    kind: 'audit.read',
    requestId: reading.requestId,
    body: {
      by: named(actingPrincipal(caller)),
      through: caller.client,
      traced: reading.traced,
      events: visible.length,
      whole,
    },
  });
  return visible;
}
