import type { TenantId } from '../core/ids.ts';
import type { JsonObject } from '../core/json.ts';
import type { AuditEvent, AuditKind } from '../core/ports/audit.ts';
import type { Change } from '../core/ports/catalog.ts';

/** An event that says who changed what through which application. `body` holds ids, digests and counts, never text. */
export function changeEvent(tenant: TenantId, kind: AuditKind, change: Change, body: JsonObject): AuditEvent {
  return { tenant, kind, requestId: change.requestId, body: { by: change.by, through: change.through, ...body } };
}
