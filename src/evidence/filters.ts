import { AppError } from '../core/errors.ts';
import { parseDocumentId, parseSourceId } from '../core/ids.ts';
import { AUDIT_KINDS, type AuditKind } from '../core/ports/audit.ts';
import { principalParts, qualifyPrincipal, type Principal } from '../core/principal.ts';
import type { AuditFilters } from './question.ts';

/** As they stand in a query string. */
export interface FilterTexts {
  readonly document?: string | undefined;
  readonly subject?: string | undefined;
  readonly source?: string | undefined;
  readonly client?: string | undefined;
  /** Separated by commas. */
  readonly kind?: string | undefined;
  /** ISO 8601. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/**
 * Reads filters. A document is named `source/document`, or by its id alone where `source` stands beside it. Whether anything of these
 * names exists is not asked. Fails with `invalid_request`.
 */
export function readFilters(texts: FilterTexts, issuers: readonly string[]): AuditFilters {
  const source = texts.source === undefined ? undefined : given('source', parseSourceId(texts.source));
  const document = texts.document === undefined ? undefined : documentIn(texts.document, source);
  const subject = texts.subject === undefined ? undefined : principalIn('subject', texts.subject, issuers, ['user', 'client']);
  const client = texts.client === undefined ? undefined : principalIn('client', texts.client, issuers, ['client']);
  const kinds = texts.kind === undefined ? undefined : kindsIn(texts.kind);
  const [from, to] = [texts.from, texts.to].map((text) => (text === undefined ? undefined : Date.parse(text)));
  return {
    ...(document === undefined ? {} : { document }),
    ...(subject === undefined ? {} : { subject }),
    ...(source === undefined ? {} : { source }),
    ...(client === undefined ? {} : { client }),
    ...(kinds === undefined ? {} : { kinds }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  };
}

function documentIn(text: string, source: AuditFilters['source']): AuditFilters['document'] {
  const slash = text.indexOf('/');
  const [of, id] = source === undefined ? [parseSourceId(text.slice(0, Math.max(slash, 0))), text.slice(slash + 1)] : [source, text];
  return { source: given('document', of), document: given('document', parseDocumentId(id)) };
}

function principalIn(name: 'subject' | 'client', text: string, issuers: readonly string[], kinds: readonly string[]): Principal {
  const found = qualifyPrincipal(text, issuers);
  const parts = found === undefined ? undefined : principalParts(found);
  return given(name, parts !== undefined && kinds.includes(parts.kind) ? found : undefined);
}

function kindsIn(text: string): readonly AuditKind[] {
  const kinds = new Set<AuditKind>();
  for (const name of text.split(',')) {
    // `document.*` is every kind of document events.
    const prefix = name.endsWith('.*') ? name.slice(0, -1) : undefined;
    const named = AUDIT_KINDS.filter((kind) => (prefix === undefined ? kind === name : kind.startsWith(prefix)));
    if (named.length === 0) given('kind', undefined);
    for (const kind of named) kinds.add(kind);
  }
  return [...kinds];
}

function given<T>(name: keyof FilterTexts, value: T | undefined): T {
  if (value !== undefined) return value;
  throw new AppError('invalid_request', { issues: [{ pointer: `query/${name}`, message: MESSAGES[name] }] });
}

const MESSAGES: Readonly<Record<keyof FilterTexts, string>> = {
  document: 'source/document, or the id of a document with source beside it',
  subject: 'a person or an application: user:<issuer>|<sub> or client:<issuer>|<id>',
  source: 'not a possible id',
  client: 'an application: client:<issuer>|<id>',
  kind: 'kinds of events, separated by commas, or a group such as document.*',
  from: 'not a time',
  to: 'not a time',
};
