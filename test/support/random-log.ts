import { documentName, named, namedDocument } from '../../src/core/audit-names.ts';
import type { DocumentId, SourceId, TenantId } from '../../src/core/ids.ts';
import type { JsonObject } from '../../src/core/json.ts';
import type { AuditEvent } from '../../src/core/ports/audit.ts';
import type { Principal } from '../../src/core/principal.ts';
import type { AuditFilters } from '../../src/evidence/question.ts';

/** An event and, told by whoever made it, what it is about: nothing here is read back out of its body. */
export interface KnownEvent {
  readonly event: AuditEvent;
  readonly documents: ReadonlySet<string>;
  readonly sources: ReadonlySet<string>;
  /** Who did it and whom it names. */
  readonly people: ReadonlySet<string>;
  readonly through: string;
}

const pick = <T>(random: () => number, values: readonly [T, ...T[]]): T => values[Math.floor(random() * values.length)] ?? values[0];
export const SOURCES = ['s1', 's2', 's3'] as unknown as readonly [SourceId, SourceId, SourceId];
export const DOCUMENTS = ['a', 'b', 'c/d', '"e"'] as unknown as readonly [DocumentId, DocumentId, DocumentId, DocumentId];
export const PEOPLE = ['user:test|ada', 'user:test|bob', 'user:test|cy'] as unknown as readonly [Principal, Principal, Principal];
export const CLIENTS = ['client:test|chat', 'client:test|mail'] as unknown as readonly [Principal, Principal];
const KINDS = [
  'intent',
  'release',
  'release',
  'document.changed',
  'document.published',
  'source.put',
  'audit.read',
  'switch.thrown',
] as const;

/** One event of a random log. `plain`: as a log of before would name people and documents. */
export function randomEvent(tenant: TenantId, random: () => number, plain = false): KnownEvent {
  const kind = pick(random, KINDS);
  const [person, other, client] = [pick(random, PEOPLE), pick(random, PEOPLE), pick(random, CLIENTS)];
  const chunks = Array.from({ length: kind === 'release' ? Math.floor(random() * 4) : 1 }, () => ({
    source: pick(random, SOURCES),
    document: pick(random, DOCUMENTS),
    zone: 1 + Math.floor(random() * 6),
  }));
  const [thing] = chunks;
  const name = (principal: Principal) => (plain ? principal : named(principal));
  const document = (source: string, id: string) => (plain ? id : namedDocument(source, id));
  const asked: JsonObject = { user: name(person), client };
  const did: JsonObject = { by: name(person), through: client };
  const about = thing === undefined ? {} : { source: thing.source, document: document(thing.source, thing.document) };
  const bodies: Readonly<Record<(typeof KINDS)[number], JsonObject>> = {
    intent: asked,
    release: { ...asked, chunks: chunks.map((chunk) => ({ ...chunk, document: document(chunk.source, chunk.document) })) },
    'document.changed': { ...did, ...about, label: { zone: thing?.zone ?? 1, before: 'x', after: 'y' } },
    'document.published': { ...did, ...about, label: { zone: thing?.zone ?? 1 } },
    'source.put': { ...did, source: thing?.source ?? 's1' },
    'audit.read': { ...did, question: { subject: name(other) } },
    'switch.thrown': { ...did, kind: 'user', target: name(other) },
  };
  const ofDocuments = kind === 'release' || kind.startsWith('document.') ? chunks : [];
  // A log of before is read as it was written: only what stands in a field of its own counts.
  const concerned = kind === 'switch.thrown' || (kind === 'audit.read' && !plain) ? [person, other] : [person];
  return {
    event: { tenant, kind, requestId: `r-${Math.floor(random() * 1e9)}`, body: bodies[kind] },
    documents: new Set(ofDocuments.map((chunk) => documentName(chunk.source, chunk.document))),
    sources: new Set([...ofDocuments.map(({ source }) => source), ...(kind === 'source.put' ? [thing?.source ?? 's1'] : [])]),
    people: new Set(concerned),
    through: client,
  };
}

export function randomFilters(random: () => number): AuditFilters {
  const maybe = <T>(share: number, make: () => T): T | undefined => (random() < share ? make() : undefined);
  const document = maybe(0.4, () => ({ source: pick(random, SOURCES), document: pick(random, DOCUMENTS) }));
  const source = maybe(0.3, () => pick(random, SOURCES));
  const subject = maybe(0.4, () => pick(random, PEOPLE));
  const client = maybe(0.3, () => pick(random, CLIENTS));
  const kinds = maybe(0.4, () => [...new Set(Array.from({ length: 1 + Math.floor(random() * 3) }, () => pick(random, KINDS)))]);
  return {
    ...(document === undefined ? {} : { document }),
    ...(source === undefined ? {} : { source }),
    ...(subject === undefined ? {} : { subject }),
    ...(client === undefined ? {} : { client }),
    ...(kinds === undefined ? {} : { kinds }),
  };
}

/** The naive answer. */
export function fits({ event, documents, sources, people, through }: KnownEvent, filters: AuditFilters): boolean {
  const { document, source, subject, client, kinds } = filters;
  return (
    (document === undefined || documents.has(documentName(document.source, document.document))) &&
    (source === undefined || sources.has(source)) &&
    (subject === undefined || people.has(subject)) &&
    (client === undefined || through === client) &&
    (kinds === undefined || kinds.includes(event.kind))
  );
}
