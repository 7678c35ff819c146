import { named } from '../core/audit-names.ts';
import type { TenantId } from '../core/ids.ts';
import type { JsonObject } from '../core/json.ts';
import type { AuditEvent, AuditKind, Sealed } from '../core/ports/audit.ts';
import type { Change } from '../core/ports/catalog.ts';

/**
 * An event that says who changed what through which application. `body` holds ids, names and counts, never text. `sealed` is for
 * digests: of an ACL, whose members a digest would give away to whoever guesses them, and of text.
 */
export function changeEvent(
  tenant: TenantId,
  kind: AuditKind,
  change: Change,
  body: JsonObject,
  sealed?: Omit<Sealed, 'holder' | 'answer'>,
): AuditEvent {
  const event = { tenant, kind, requestId: change.requestId, body: { by: named(change.by), through: change.through, ...body } };
  return sealed === undefined ? event : { ...event, sealed: { holder: change.by, ...sealed } };
}
