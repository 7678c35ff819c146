import { named, namedDocument } from '../../src/core/audit-names.ts';
import type { Digest } from '../../src/core/digest.ts';
import type { DocumentId, SourceId, TenantId } from '../../src/core/ids.ts';
import type { AuditEvent, SealedText } from '../../src/core/ports/audit.ts';
import type { Change, EpochStamp } from '../../src/core/ports/catalog.ts';
import type { Principal } from '../../src/core/principal.ts';

export const ACME = 'acme' as TenantId;
export const OTHER = 'other' as TenantId;
export const ADA = 'user:test|ada' as Principal;
export const BOB = 'user:test|bob' as Principal;
export const TOOL = 'client:test|tool' as Principal;
export const HANDBOOK = 'handbook' as SourceId;
export const LEAVE = 'leave' as DocumentId;
export const AT_ZERO: EpochStamp = { tenant: 0, global: 0, generation: 0 };
export const VERSION: Digest = `sha256:${'1'.repeat(64)}`;

/** Limits of a log that many events go into at once, on a machine that is busy with other things: the service's own deadline is 5 s. */
export const PATIENT = { deadlineMs: 60_000 } as const;

export function event(requestId: string, more: Partial<AuditEvent> = {}): AuditEvent {
  return { tenant: ACME, kind: 'intent', requestId, body: { n: 1 }, ...more };
}

export function changeOf(requestId: string, by: Principal = BOB): Change {
  return { requestId, by, through: TOOL };
}

/** A text of a document, told apart from others by `said`. */
export function textOf(said: string, document: string = LEAVE, version: Digest = VERSION): SealedText {
  const content = () => ({ text: said, tag: `"v":1` });
  return { source: HANDBOOK, document: document as DocumentId, version, key: `${document} ${said}`, content };
}

/** A release to somebody of these texts, as a request leaves it: names in the body, everything else sealed. */
export function releaseOf(requestId: string, who: Principal, texts: readonly SealedText[]): AuditEvent {
  const chunks = texts.map(({ source, document }, index) => ({ rank: index + 1, source, document: namedDocument(source, document) }));
  return event(requestId, {
    kind: 'release',
    body: { user: named(who), client: TOOL, chunks },
    sealed: { holder: who, facts: { question: `why ${requestId}` }, answer: { parts: [requestId] }, texts },
  });
}
