import { named } from '../core/audit-names.ts';
import { actingPrincipal } from '../core/caller.ts';
import type { JsonObject } from '../core/json.ts';
import type { AuditKind, AuditPort, StoredAuditEvent } from '../core/ports/audit.ts';
import type { EvidencePort } from '../core/ports/evidence.ts';
import type { RequestContext } from '../core/request-context.ts';
import type { Cursors } from './cursor.ts';
import { readPage, type ReadPage } from './pages.ts';
import { questionFacts, questionText, type AuditFilters } from './question.ts';
import { auditReader, type AuditReader, type ReaderParts } from './reader.ts';
import { createSummary, type Summary } from './summary.ts';

export interface QuestionParts extends ReaderParts {
  readonly audit: Pick<AuditPort, 'append'>;
  readonly evidence: EvidencePort;
  readonly cursors: Cursors;
}

export interface EventsPage {
  readonly events: readonly StoredAuditEvent[];
  readonly next?: string;
}

export interface SummaryPage extends Summary {
  /** Releases after these were not counted yet: counts of all pages are added up. */
  readonly next?: string;
}

export interface AuditQuestions {
  events(context: RequestContext, filters: AuditFilters, page: { readonly cursor?: string; readonly limit: number }): Promise<EventsPage>;
  /** Counts over releases. */
  summary(context: RequestContext, filters: AuditFilters, page: { readonly cursor?: string }): Promise<SummaryPage>;
}

/** Releases that one page of a summary counts. */
const COUNTED = 5_000;
const BATCH = 1_000;

/**
 * The auditor's questions, for those with `audit`: over the whole tenant, or narrowed to what they may audit; others get `forbidden`.
 * Who or what does not exist is answered as who or what the reader may not audit. Each page is an event before it is an answer.
 */
export function createQuestions(parts: QuestionParts): AuditQuestions {
  const { evidence, cursors } = parts;

  async function begin(route: string, context: RequestContext, filters: AuditFilters, cursor: string | undefined) {
    const reader = await auditReader(parts, context);
    const scope = { tenant: reader.caller.tenant, route, question: questionText(filters) };
    return { reader, scope, place: cursor === undefined ? undefined : await cursors.open(scope, cursor) };
  }

  return {
    async events(context, filters, { cursor, limit }) {
      const { reader, scope, place } = await begin('events', context, filters, cursor);
      const { events, next } = await readPage(evidence, reader, filters, { place, limit, signal: context.signal });
      const facts = { question: questionFacts(filters), continued: place !== undefined, events: events.length };
      await recordReading(parts.audit, context, reader, 'audit.read', facts);
      return { events, ...(next === undefined ? {} : { next: await cursors.seal(scope, next) }) };
    },

    async summary(context, filters, { cursor }) {
      const releases: AuditFilters = { ...filters, kinds: ['release'] };
      const { reader, scope, place: first } = await begin('summary', context, filters, cursor);
      const summary = createSummary(reader.view);
      let [place, counted, last]: [typeof first, number, ReadPage | undefined] = [first, 0, undefined];
      do {
        last = await readPage(evidence, reader, releases, { place, limit: BATCH, signal: context.signal });
        for (const event of last.events) summary.add(event);
        counted += last.events.length;
        place = last.next;
        // Of a narrowed reader's page the length tells nothing, so it is one page: how much is read must not depend on what they see.
      } while (place !== undefined && counted < COUNTED && reader.sight.over === 'tenant' && last.events.length > 0);
      const facts = { question: questionFacts(filters), summary: true, continued: first !== undefined, events: counted };
      await recordReading(parts.audit, context, reader, 'audit.read', facts);
      return { ...summary.result(), ...(place === undefined ? {} : { next: await cursors.seal(scope, place) }) };
    },
  };
}

/** Who read what of the audit, in the log before anything of it leaves. */
export async function recordReading(
  audit: Pick<AuditPort, 'append'>,
  { requestId }: RequestContext,
  { caller, sight }: AuditReader,
  kind: Extract<AuditKind, 'audit.read' | 'audit.exported'>,
  facts: JsonObject,
): Promise<void> {
  const by = named(actingPrincipal(caller));
  const body = { by, through: caller.client, ...facts, whole: sight.over === 'tenant' };
  await audit.append({ tenant: caller.tenant, kind, requestId, body });
}
