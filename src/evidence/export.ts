import { AppError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import type { AuditPort } from '../core/ports/audit.ts';
import type { EvidencePort } from '../core/ports/evidence.ts';
import type { RequestContext } from '../core/request-context.ts';
import { CSV_HEADER, csvRecord } from './csv.ts';
import { ocsfEvent } from './ocsf.ts';
import { readPage } from './pages.ts';
import { questionFacts, type AuditFilters } from './question.ts';
import { recordReading } from './questions.ts';
import { auditReader, tenantReader, type AuditReader, type ReaderParts } from './reader.ts';

export const EXPORT_FORMATS = ['sluice', 'ocsf', 'csv'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export interface ExportParts extends ReaderParts {
  readonly audit: Pick<AuditPort, 'append'>;
  readonly evidence: EvidencePort;
}

/**
 * The log, or what a question finds in it, as text in parts of bounded size; nothing is read before it is asked for. `sluice` is the form
 * that can be verified: whole, so for those who may audit the whole tenant, and told by time alone. Resolves once the export is an
 * event; rejects with `forbidden`, `invalid_request` or `audit_unavailable`.
 */
export type ExportAudit = (
  context: RequestContext,
  wanted: { readonly format: ExportFormat; readonly filters: AuditFilters },
) => Promise<AsyncIterable<string>>;

const BATCH = 500;

export function createExport(parts: ExportParts): ExportAudit {
  return async (context, { format, filters }) => {
    const { from: _from, to: _to, ...others } = filters;
    if (format === 'sluice' && Object.keys(others).length > 0) {
      throw new AppError('invalid_request', {
        issues: [{ pointer: 'query', message: 'format sluice takes from and to alone; ocsf and csv take every filter' }],
      });
    }
    const reader = await (format === 'sluice' ? tenantReader : auditReader)(parts, context);
    await recordReading(parts.audit, context, reader, 'audit.exported', { format, question: questionFacts(filters) });
    switch (format) {
      case 'sluice':
        return verifiable(parts.evidence, reader.caller.tenant, filters, context.signal);
      case 'ocsf':
        return rendered(parts.evidence, reader, filters, context.signal, '', (event) => `${JSON.stringify(ocsfEvent(event))}\n`);
      case 'csv':
        return rendered(parts.evidence, reader, filters, context.signal, CSV_HEADER, csvRecord);
    }
  };
}

type Rendering = (event: Parameters<typeof csvRecord>[0]) => string;

async function* rendered(
  evidence: EvidencePort,
  reader: AuditReader,
  filters: AuditFilters,
  signal: AbortSignal,
  header: string,
  render: Rendering,
): AsyncGenerator<string, void> {
  if (header !== '') yield header;
  let place: Parameters<typeof readPage>[3]['place'];
  do {
    const page = await readPage(evidence, reader, filters, { place, limit: BATCH, signal });
    if (page.events.length > 0) yield page.events.map(render).join('');
    place = page.next;
  } while (place !== undefined);
}

async function* verifiable(
  evidence: EvidencePort,
  tenant: TenantId,
  { from, to }: Pick<AuditFilters, 'from' | 'to'>,
  signal: AbortSignal,
): AsyncGenerator<string, void> {
  // A new checkpoint covers everything up to now, this export's own event included.
  await evidence.checkpoint(tenant, true);
  const begin = from === undefined ? 0 : await firstAt(evidence, tenant, from, signal);
  const end = to === undefined ? 'checkpoint' : await firstAt(evidence, tenant, to, signal);
  for await (const line of evidence.export(tenant, { from: begin, to: end }, signal)) yield line.endsWith('\n') ? line : `${line}\n`;
}

/** The first position at or after a time; the length of the log where there is none. */
async function firstAt(evidence: EvidencePort, tenant: TenantId, time: number, signal: AbortSignal): Promise<number> {
  const page = await evidence.ask({ tenant, in: 'whole-log', from: time, limit: 1 }, signal);
  return page.events[0]?.index ?? page.size;
}
