import { actingPrincipal, type Caller } from '../core/caller.ts';
import { AppError } from '../core/errors.ts';
import { presence } from '../core/presence.ts';
import { parseSourceId, type ZoneId } from '../core/ids.ts';
import type { Json, JsonObject } from '../core/json.ts';
import type { Label } from '../core/label.ts';
import type { AuditPort, StoredAuditEvent } from '../core/ports/audit.ts';
import type { ReadCatalog, TenantView } from '../core/ports/catalog.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import { effectiveZone, type Source } from '../core/zone.ts';

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
  const visible = whole ? events : narrowed(parts, view, caller, events);
  if (visible.length === 0) throw new AppError('not_found');
  await parts.audit.append({
    tenant: caller.tenant,
    kind: 'audit.read',
    requestId: reading.requestId,
    body: {
      by: actingPrincipal(caller),
      through: caller.client,
      traced: reading.traced,
      events: visible.length,
      whole,
    },
  });
  return visible;
}

function narrowed(parts: TraceParts, view: TenantView, caller: Caller, events: readonly StoredAuditEvent[]): readonly StoredAuditEvent[] {
  const permits = (source: Source, label: Label): boolean =>
    parts.policy.permits(view, caller, 'audit', { tenant: view.tenant, source: source.id, label }).kind === 'permit';
  const sourceOf = (id: Json | undefined): Source | undefined => {
    const source = typeof id === 'string' ? parseSourceId(id) : undefined;
    return source === undefined ? undefined : view.sources.get(source);
  };
  const rights: AuditRights = {
    source(id) {
      const source = sourceOf(id);
      return source !== undefined && permits(source, source.label);
    },
    chunk({ source: id, zone: number }) {
      const source = sourceOf(id);
      const zone = typeof number === 'number' ? view.zones.get(number as ZoneId) : undefined;
      if (source === undefined || zone === undefined || zone.source !== source.id) return false;
      return permits(source, effectiveZone(view.scheme, source, zone.declared).label);
    },
  };
  // Which documents are bait is for those who audit everything.
  const shown = events
    .filter(({ kind }) => kind !== 'honey.touched')
    .map((event) => ({ ...event, body: narrowedBody(event.body, rights) }));
  const concerned = shown.some(({ kind, body }) => kind === 'release' && Array.isArray(body['chunks']) && body['chunks'].length > 0);
  return concerned ? shown : [];
}

/** What a reader without `audit` over the tenant may read of: a source, or a chunk under the label it was released with. */
interface AuditRights {
  source(id: Json | undefined): boolean;
  chunk(chunk: JsonObject): boolean;
}

function narrowedBody(body: JsonObject, rights: AuditRights): JsonObject {
  const { bait: _bait, ...rest } = body;
  const { chunks, restriction } = rest;
  return {
    ...rest,
    ...(isObject(restriction) ? { restriction: narrowedRestriction(restriction, rights) } : {}),
    ...narrowedChunks(chunks, rights),
  };
}

function narrowedChunks(chunks: Json | undefined, rights: AuditRights): JsonObject {
  if (!Array.isArray(chunks)) return {};
  const seen = (chunks as readonly JsonObject[]).filter((chunk) => rights.chunk(chunk));
  // Counts, the rendered context and the joint label speak of chunks that this reader may not audit.
  return seen.length === chunks.length ? {} : { chunks: seen, counts: null, label: null, context: null };
}

function narrowedRestriction(restriction: JsonObject, rights: AuditRights): JsonObject {
  const { sources } = restriction;
  return Array.isArray(sources) ? { ...restriction, sources: sources.filter((source: Json) => rights.source(source)) } : restriction;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
