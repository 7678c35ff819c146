import { documentName, named, namedDocument } from '../core/audit-names.ts';
import type { DocumentId, SourceId } from '../core/ids.ts';
import type { JsonObject } from '../core/json.ts';
import type { AuditKind } from '../core/ports/audit.ts';
import type { SubLog, Within } from '../core/ports/evidence.ts';
import { principalParts, type Principal } from '../core/principal.ts';

/** What an auditor asks after; events have to fit all of it. */
export interface AuditFilters {
  readonly document?: { readonly source: SourceId; readonly document: DocumentId };
  /** A person or an application: what it asked, what it did, what was done to it. */
  readonly subject?: Principal;
  readonly source?: SourceId;
  /** The application through which it came. */
  readonly client?: Principal;
  /** Never empty. */
  readonly kinds?: readonly AuditKind[];
  /** Milliseconds, [from, to). */
  readonly from?: number;
  readonly to?: number;
}

type About = SubLog['about'];
type What = SubLog['what'];

/** The sub-logs that hold the answer: an event has to be in one of each list. */
export function subLogsFor({ document, subject, source, client, kinds }: AuditFilters): Within {
  const releases = kinds !== undefined && kinds.every((kind) => kind === 'release');
  const changes = kinds !== undefined && !kinds.includes('release');
  // Nothing but a release is in `released`, and it is in nothing else of a document, nor in what somebody did.
  const ofThing: readonly What[] = releases ? ['released'] : changes ? ['changed', 'concerned'] : ['released', 'changed', 'concerned'];
  const ofActor: readonly What[] = releases ? ['asked'] : ['asked', 'done', 'concerned'];
  const lists = (about: About, whats: readonly What[], name: string): readonly SubLog[] => whats.map((what) => ({ about, what, name }));
  const [first, ...others] = [
    ...(document === undefined ? [] : [lists('document', ofThing, documentName(document.source, document.document))]),
    // The document's own list is within its source's.
    ...(source === undefined || document?.source === source ? [] : [lists('source', ofThing, source)]),
    ...(subject === undefined ? [] : [lists(isPerson(subject) ? 'caller' : 'client', ofActor, subject)]),
    ...(client === undefined ? [] : [lists('client', releases ? ['asked'] : ['asked', 'done'], client)]),
  ];
  return first === undefined ? 'whole-log' : [first, ...others];
}

export function isPerson(principal: Principal): boolean {
  return principalParts(principal)?.kind === 'user';
}

/** The question as an event tells of it. */
export function questionFacts({ document, subject, source, client, kinds, from, to }: AuditFilters): JsonObject {
  return {
    ...(document === undefined ? {} : { source: document.source, document: namedDocument(document.source, document.document) }),
    ...(source === undefined ? {} : { source }),
    ...(subject === undefined ? {} : { subject: named(subject) }),
    ...(client === undefined ? {} : { client }),
    ...(kinds === undefined ? {} : { kinds: [...kinds] }),
    ...(from === undefined ? {} : { from: new Date(from).toISOString() }),
    ...(to === undefined ? {} : { to: new Date(to).toISOString() }),
  };
}

/** The same question, the same text. */
export function questionText({ document, subject, source, client, kinds, from, to }: AuditFilters): string {
  const kindsText = kinds === undefined ? null : kinds.toSorted();
  return JSON.stringify([document?.source, document?.document, subject, source, client, kindsText, from, to].map((part) => part ?? null));
}
