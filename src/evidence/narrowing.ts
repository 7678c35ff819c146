import type { Caller } from '../core/caller.ts';
import { parseSourceId, type SourceId, type ZoneId } from '../core/ids.ts';
import type { Json, JsonObject } from '../core/json.ts';
import type { Label } from '../core/label.ts';
import type { AuditKind, StoredAuditEvent } from '../core/ports/audit.ts';
import type { TenantView } from '../core/ports/catalog.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import { effectiveZone, type Source } from '../core/zone.ts';
import { isObject } from './event-facts.ts';

/** What a reader without `audit` over the tenant may read of: a source, everything in it, or a chunk under the label it was released with. */
export interface AuditRights {
  /** Whether anything in it is this reader's to audit. */
  any(id: SourceId): boolean;
  source(id: Json | undefined): boolean;
  /** The source and every zone of it. */
  wholeSource(id: Json | undefined): boolean;
  chunk(chunk: JsonObject): boolean;
}

/** Each question is put to policy once: a page may hold a hundred thousand events, and others wait for this thread. */
export function auditRights(policy: PolicyPort, view: TenantView, caller: Caller): AuditRights {
  const permits = (source: Source, label: Label): boolean =>
    policy.permits(view, caller, 'audit', { tenant: view.tenant, source: source.id, label }).kind === 'permit';
  const sourceOf = (id: Json | undefined): Source | undefined => {
    const source = typeof id === 'string' ? parseSourceId(id) : undefined;
    return source === undefined ? undefined : view.sources.get(source);
  };
  const judged = new Map<ZoneId, boolean>();
  const zone = (source: Source, id: ZoneId): boolean => {
    const known = judged.get(id);
    if (known !== undefined) return known;
    const declared = view.zones.get(id)?.declared;
    const permitted = declared !== undefined && permits(source, effectiveZone(view.scheme, source, declared).label);
    judged.set(id, permitted);
    return permitted;
  };
  const zones = Map.groupBy(view.zones.values(), (one) => one.source);
  const zonesOf = (source: Source): readonly ZoneId[] => (zones.get(source.id) ?? []).map((one) => one.id);
  const own = once((source) => permits(source, source.label));
  const whole = once((source) => own(source) && zonesOf(source).every((one) => zone(source, one)));
  return {
    any(id) {
      const source = view.sources.get(id);
      return source !== undefined && (own(source) || zonesOf(source).some((one) => zone(source, one)));
    },
    source(id) {
      const source = sourceOf(id);
      return source !== undefined && own(source);
    },
    wholeSource(id) {
      const source = sourceOf(id);
      return source !== undefined && whole(source);
    },
    chunk({ source: id, zone: number }) {
      const source = sourceOf(id);
      if (source === undefined || typeof number !== 'number') return false;
      const found = view.zones.get(number as ZoneId);
      return found !== undefined && found.source === source.id && zone(source, found.id);
    },
  };
}

function once(judge: (source: Source) => boolean): (source: Source) => boolean {
  const judged = new Map<SourceId, boolean>();
  return (source) => {
    const known = judged.get(source.id) ?? judge(source);
    judged.set(source.id, known);
    return known;
  };
}

// What else belongs to a request speaks of bait, of a watch or of what somebody else was shown of it: for those who audit everything.
const OF_A_REQUEST: ReadonlySet<AuditKind> = new Set(['intent', 'release', 'error', 'admitted', 'cited']);

/** The events of one request for such a reader: none where nothing that it released is theirs to audit. */
export function narrowedRequest(events: readonly StoredAuditEvent[], rights: AuditRights): readonly StoredAuditEvent[] {
  const shown = events.filter(({ kind }) => OF_A_REQUEST.has(kind)).map((event) => ({ ...event, body: narrowedBody(event.body, rights) }));
  return shown.some(({ kind, body }) => kind === 'release' && hasChunks(body)) ? shown : [];
}

/** One event in a list, by itself; undefined where nothing in it is this reader's to audit, or nobody said what of it is. */
export function narrowedEvent(event: StoredAuditEvent, rights: AuditRights): StoredAuditEvent | undefined {
  const { kind, body } = event;
  switch (kind) {
    case 'release':
    case 'admitted':
    case 'cited': {
      const narrowed = narrowedBody(body, rights);
      return hasChunks(narrowed) ? { ...event, body: narrowed } : undefined;
    }
    case 'document.published':
    case 'document.changed': {
      const { source, label } = body;
      if (!isObject(label) || !rights.chunk({ source: source ?? null, zone: label['zone'] ?? null })) return undefined;
      // The digest of a label tells which it was, and that one may be above this reader.
      const shown = { ...body, label: 'before' in label ? { ...label, before: null } : label };
      // Whom the ACL denied and reached nobody: its members are for those who audit everything.
      return { ...event, body: 'released' in body ? { ...shown, released: null } : shown };
    }
    case 'document.deleted':
    case 'document.original-read':
    case 'access.requested':
    case 'access.decided':
    case 'access.withdrawn':
      return rights.wholeSource(body['source']) ? event : undefined;
    case 'source.put':
      // Of labels that it had at other times nobody knows here whether they are above this reader: a digest tells which they were.
      return rights.source(body['source']) ? { ...event, body: { ...body, label: null } } : undefined;
    case 'source.deleted':
      return rights.source(body['source']) ? event : undefined;
    default:
      return undefined;
  }
}

function hasChunks({ chunks }: JsonObject): boolean {
  return Array.isArray(chunks) && chunks.length > 0;
}

function narrowedBody(body: JsonObject, rights: AuditRights): JsonObject {
  // Which documents are bait is for those who audit everything.
  const { bait: _bait, ...rest } = body;
  const { chunks, restriction, session } = rest;
  return {
    ...rest,
    // Hits that were refused, or not among the best, may have been anywhere; bait is among the refused.
    ...('counts' in rest ? { counts: null } : {}),
    // A session remembers everything that it was shown, from whatever source.
    ...(isObject(session) ? { session: { ...session, label: null } } : {}),
    ...(isObject(restriction) ? { restriction: narrowedRestriction(restriction, rights) } : {}),
    ...narrowedChunks(chunks, rights),
  };
}

function narrowedChunks(chunks: Json | undefined, rights: AuditRights): JsonObject {
  if (!Array.isArray(chunks)) return {};
  const seen = (chunks as readonly Json[]).filter((chunk) => isObject(chunk) && rights.chunk(chunk));
  // The rendered context and the joint label speak of chunks that this reader may not audit.
  return seen.length === chunks.length ? {} : { chunks: seen, counts: null, label: null, context: null };
}

function narrowedRestriction(restriction: JsonObject, rights: AuditRights): JsonObject {
  const { sources } = restriction;
  return Array.isArray(sources) ? { ...restriction, sources: sources.filter((source: Json) => rights.source(source)) } : restriction;
}
