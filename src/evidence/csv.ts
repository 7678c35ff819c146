import type { StoredAuditEvent } from '../core/ports/audit.ts';
import { eventFacts } from './event-facts.ts';

const COLUMNS = [
  'index',
  'at',
  'kind',
  'request',
  'by',
  'through',
  'sources',
  'documents',
  'chunks',
  'level',
  'compartments',
  'trust',
  'leaf',
  'body',
] as const;

/** What a spreadsheet would take for a formula, and what it drops before it looks. */
const FORMULA = /^[\s\p{Cf}]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/u;

/** The first line of RFC 4180, with its CRLF. */
export const CSV_HEADER = `${COLUMNS.join(',')}\r\n`;

/** One event as one record of RFC 4180. Lists are JSON within their field. */
export function csvRecord(event: StoredAuditEvent): string {
  const { by, through, sources, documents, chunks, label } = eventFacts(event);
  const fields: Readonly<Record<(typeof COLUMNS)[number], string>> = {
    index: String(event.index),
    at: event.at,
    kind: event.kind,
    request: event.requestId,
    by: by ?? '',
    through: through ?? '',
    sources: JSON.stringify(sources),
    documents: JSON.stringify(documents),
    chunks: chunks === undefined ? '' : String(chunks),
    level: typeof label?.['level'] === 'string' ? label['level'] : '',
    compartments: label === undefined ? '' : JSON.stringify(label['compartments'] ?? []),
    trust: typeof label?.['trust'] === 'string' ? label['trust'] : '',
    leaf: event.leaf,
    body: JSON.stringify(event.body),
  };
  return `${COLUMNS.map((column) => csvField(fields[column])).join(',')}\r\n`;
}

/** Names come from outside: one that begins a formula gets an apostrophe before it, so that a spreadsheet shows it as text. */
export function csvField(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
