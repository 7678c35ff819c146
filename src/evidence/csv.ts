import type { Json } from '../core/json.ts';
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

/** Where lists are separated by semicolons, a spreadsheet begins a new field behind one, quoted or not. */
const FORMULA_BEHIND = /;(?=[\s\p{Cf}]*[=+\-@\uff1d\uff0b\uff0d\uff20])/gu;

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
    sources: jsonText(sources),
    documents: jsonText(documents),
    chunks: chunks === undefined ? '' : String(chunks),
    level: typeof label?.['level'] === 'string' ? label['level'] : '',
    compartments: label === undefined ? '' : jsonText(label['compartments'] ?? []),
    trust: typeof label?.['trust'] === 'string' ? label['trust'] : '',
    leaf: event.leaf,
    body: jsonText(event.body),
  };
  return `${COLUMNS.map((column) => csvField(fields[column])).join(',')}\r\n`;
}

/** Names come from outside: one that begins a formula, also behind a semicolon, gets an apostrophe before it, so that a spreadsheet shows it as text. */
export function csvField(text: string): string {
  const apart = text.replace(FORMULA_BEHIND, ";'");
  const safe = FORMULA.test(apart) ? `'${apart}` : apart;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** JSON without a semicolon of its own: the same value, and nothing begins behind one. */
function jsonText(value: Json): string {
  return JSON.stringify(value).replaceAll(';', String.raw`\u003b`);
}
