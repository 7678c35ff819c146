import type { Caller } from '../core/caller.ts';
import { AppError } from '../core/errors.ts';
import { parseSourceId } from '../core/ids.ts';
import type { Json, JsonObject } from '../core/json.ts';
import type { AuditPort, StoredAuditEvent } from '../core/ports/audit.ts';
import type { ReadCatalog, TenantView } from '../core/ports/catalog.ts';
import type { PolicyPort } from '../core/ports/policy.ts';

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
  caller: Caller,
  reading: { readonly requestId: string; readonly traced: string },
): Promise<readonly StoredAuditEvent[]> {
  const epoch = await parts.catalog.epoch(caller.tenant);
  if (epoch.kind === 'none') throw new AppError('invalid_token', { detail: 'the token asserts a tenant that does not exist' });
  const view = await parts.catalog.view(caller.tenant, epoch.stamp);
  const events = await parts.audit.byRequest(caller.tenant, reading.traced);
  const whole = parts.policy.permitsTenant(view, caller, 'audit').kind === 'permit';
  const visible = whole ? events : narrowed(parts, view, caller, events);
  if (visible.length === 0) throw new AppError('not_found');
  await parts.audit.append({
    tenant: caller.tenant,
    kind: 'audit.read',
    requestId: reading.requestId,
    body: {
      by: caller.user.kind === 'user' ? caller.user.principal : caller.client,
      through: caller.client,
      traced: reading.traced,
      events: visible.length,
      whole,
    },
  });
  return visible;
}

function narrowed(parts: TraceParts, view: TenantView, caller: Caller, events: readonly StoredAuditEvent[]): readonly StoredAuditEvent[] {
  const mayAudit = (id: Json | undefined): boolean => {
    const source = typeof id === 'string' ? parseSourceId(id) : undefined;
    const found = source === undefined ? undefined : view.sources.get(source);
    if (found === undefined) return false;
    const object = { tenant: view.tenant, source: found.id, label: found.label };
    return parts.policy.permits(view, caller, 'audit', object).kind === 'permit';
  };
  const shown = events.map((event) => ({ ...event, body: withChunksOf(event.body, mayAudit) }));
  const concerned = shown.some(({ kind, body }) => kind === 'release' && Array.isArray(body['chunks']) && body['chunks'].length > 0);
  return concerned ? shown : [];
}

function withChunksOf(body: JsonObject, mayAudit: (source: Json | undefined) => boolean): JsonObject {
  const { chunks } = body;
  if (!Array.isArray(chunks)) return body;
  // The rendered context and the joint label speak of chunks that this reader may not audit.
  const seen = (chunks as readonly JsonObject[]).filter((chunk) => mayAudit(chunk['source']));
  return seen.length === chunks.length ? body : { ...body, chunks: seen, label: null, context: null };
}
