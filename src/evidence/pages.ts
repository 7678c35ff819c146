import type { TenantId } from '../core/ids.ts';
import type { Json } from '../core/json.ts';
import type { AuditKind, StoredAuditEvent } from '../core/ports/audit.ts';
import type { AuditQuestion, EvidencePort } from '../core/ports/evidence.ts';
import { isObject } from './event-facts.ts';
import { narrowedEvent, type AuditRights } from './narrowing.ts';
import { subLogsFor, type AuditFilters } from './question.ts';
import type { AuditReader } from './reader.ts';
import type { Place } from './cursor.ts';

/** Some events of an answer. */
export interface ReadPage {
  readonly events: readonly StoredAuditEvent[];
  /** Where to go on; absent at the end. */
  readonly next?: Place;
}

export interface PageOptions {
  readonly place: Place | undefined;
  readonly limit: number;
  readonly signal: AbortSignal;
  /** Positions in a page of a reader who may not audit everything. */
  readonly window?: number;
}

/**
 * Positions in one page for a reader who may not audit everything. How far a page goes depends on the log alone, never on events that
 * the reader does not see: else an empty page with a `next` would tell that a hidden document was read.
 */
const WINDOW = 100_000;
const BATCH = 500;

/** The next events that this reader may see, oldest first. All pages together are the log as it was when the first was read. */
export function readPage(evidence: EvidencePort, reader: AuditReader, filters: AuditFilters, options: PageOptions): Promise<ReadPage> {
  const { caller, sight } = reader;
  if (sight.over === 'tenant') return wholePage(evidence, caller.tenant, filters, options);
  const { source = filters.document?.source } = filters;
  // The same for a source that does not exist and for one that is not theirs: there is nothing to look through.
  if (source !== undefined && !sight.rights.any(source)) return Promise.resolve({ events: [] });
  return narrowedPage(evidence, { tenant: caller.tenant, rights: sight.rights }, filters, options);
}

async function wholePage(
  evidence: EvidencePort,
  tenant: TenantId,
  filters: AuditFilters,
  { place, limit, signal }: PageOptions,
): Promise<ReadPage> {
  const question = { ...questionOf(tenant, filters), limit };
  const page = await evidence.ask({ ...question, ...(place === undefined ? {} : place) }, signal);
  const before = place?.before ?? page.size;
  return { events: page.events, ...(page.next === undefined ? {} : { next: { after: page.next, before } }) };
}

async function narrowedPage(
  evidence: EvidencePort,
  { tenant, rights }: { readonly tenant: TenantId; readonly rights: AuditRights },
  filters: AuditFilters,
  { place, limit, signal, window = WINDOW }: PageOptions,
): Promise<ReadPage> {
  const { after, before } = place ?? (await bounds(evidence, tenant, filters, signal));
  const end = Math.min(before, after + 1 + window);
  const question = questionOf(tenant, filters);
  const events: StoredAuditEvent[] = [];
  let reached: number | undefined = after;
  while (reached !== undefined) {
    const page = await evidence.ask({ ...question, after: reached, before: end, limit: BATCH }, signal);
    for (const event of page.events) {
      const seen = narrowedEvent(event, rights);
      if (seen === undefined || !stillFits(seen, filters)) continue;
      events.push(seen);
      if (events.length === limit) return { events, ...nextAfter(event.index, before) };
    }
    reached = page.next;
  }
  return { events, ...nextAfter(end - 1, before) };
}

/** Whether what is left of an event still speaks of what was asked after: else the answer would tell that a hidden document was in it. */
function stillFits({ body }: StoredAuditEvent, { document, source, subject }: AuditFilters): boolean {
  const chunks = Array.isArray(body['chunks']) ? (body['chunks'] as readonly Json[]).filter(isObject) : [];
  const things = [body, ...chunks];
  const named = (of: string, id?: string): boolean =>
    things.some((thing) => thing['source'] === of && (id === undefined || thing['document'] === id));
  if (subject !== undefined && !says(body, subject)) return false;
  return (document === undefined || named(document.source, document.document)) && (source === undefined || named(source));
}

function says(value: Json, name: string): boolean {
  if (typeof value !== 'object' || value === null) return value === name;
  return Object.values(value).some((item: Json) => says(item, name));
}

function nextAfter(after: number, before: number): { readonly next?: Place } {
  return after + 1 < before ? { next: { after, before } } : {};
}

/** Where the answer as a whole begins and ends, told by time and by the length of the log. */
async function bounds(evidence: EvidencePort, tenant: TenantId, { from, to }: AuditFilters, signal: AbortSignal): Promise<Place> {
  const first = await evidence.ask({ tenant, in: 'whole-log', limit: 1, ...(from === undefined ? { before: 0 } : { from }) }, signal);
  const start = from === undefined ? 0 : (first.events[0]?.index ?? first.size);
  if (to === undefined) return { after: start - 1, before: first.size };
  const last = await evidence.ask({ tenant, in: 'whole-log', limit: 1, from: to }, signal);
  return { after: start - 1, before: last.events[0]?.index ?? first.size };
}

function questionOf(tenant: TenantId, filters: AuditFilters): Omit<AuditQuestion, 'limit'> {
  const { kinds, from, to } = filters;
  return {
    tenant,
    in: subLogsFor(filters),
    ...(kinds === undefined ? {} : { kinds: kinds satisfies readonly AuditKind[] }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  };
}
