import { AppError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import { AUDIT_KINDS, type AuditEvent, type AuditKind, type ReleaseOutcome } from '../core/ports/audit.ts';
import type { EpochStamp } from '../core/ports/catalog.ts';
import type { SessionTurn } from '../core/ports/sessions.ts';
import type { SessionSeen } from '../core/session.ts';
import { canonicalJson } from './leaf.ts';
import type { Keys } from './names/keyring.ts';
import type { BodyTemplate, Gaps } from './names/template.ts';

/** An event checked and in its final form, before it has a place. */
export interface Entry {
  readonly tenant: TenantId;
  readonly kind: AuditKind;
  readonly requestId: string;
  readonly body: BodyTemplate;
  /** Of whom the body names, as they were outside of any lock. Undefined: they are looked up under it. */
  readonly keys: Keys | undefined;
  /** 16 random bytes, hex. */
  readonly salt: string;
  readonly condition: Condition;
  /** UTF-16 units that it holds in memory. */
  readonly size: number;
}

/** What must still hold when a release is written. */
export type Condition =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'release';
      readonly judgedAt: EpochStamp;
      readonly validUntil: number | 'forever';
      readonly turn: SessionTurn | undefined;
    };

/** `abandoned`: its caller had been told that it failed before it could be written, so it was not. */
export type Outcome = ReleaseOutcome | { readonly kind: 'abandoned' };

export type RandomBytes = (size: number) => Buffer;

const MAX_REQUEST_ID = 256;
const MAX_BODY = 1_048_576;
/** Longer than any principal, and than the JSON of any source and document id. */
const MAX_NAME = 8_192;

/** What an event is made into an entry with. */
export interface EntryMaker {
  readonly random: RandomBytes;
  readonly template: (body: AuditEvent['body'], gaps: Gaps) => BodyTemplate;
}

/** Takes the event's final form at once, so that nothing the caller changes later is recorded. Fails with `audit_unavailable`. */
export function makeEntry(event: AuditEvent, condition: Condition, { random, template }: EntryMaker): Entry {
  const { tenant, kind, requestId } = event;
  if (!AUDIT_KINDS.includes(kind)) throw refused('unknown kind');
  if (tenant.length === 0 || !storable(tenant)) throw refused('tenant cannot be stored');
  if (requestId.length === 0 || requestId.length > MAX_REQUEST_ID || !storable(requestId)) throw refused('request id cannot be stored');
  const body = canonicalBody(event, condition, template);
  const size = body.pieces.reduce((length, piece) => length + piece.length, 0);
  if (size > MAX_BODY) throw refused('body too large');
  if (body.subjects.some(({ name }) => name.length > MAX_NAME || !storable(name))) throw refused('a name cannot be stored');
  return { tenant, kind, requestId, body, keys: undefined, size, salt: random(16).toString('hex'), condition };
}

/** PostgreSQL stores no NUL, and a lone surrogate would come back as another character. */
function storable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

function canonicalBody(event: AuditEvent, condition: Condition, template: EntryMaker['template']): BodyTemplate {
  try {
    return template(event.body, { session: condition.kind === 'release' && condition.turn !== undefined, sealed: false });
  } catch (error) {
    throw refused('body has no canonical form', error);
  }
}

/** What its session has seen after a release, as its event says it: known only once it was joined. */
export function sessionText(turn: SessionTurn, { turns, label }: SessionSeen): string {
  return canonicalJson({ id: turn.key.id, turns, label: label === undefined ? null : { ...label } });
}

function refused(detail: string, cause?: unknown): AppError {
  return new AppError('audit_unavailable', { detail: `audit event refused: ${detail}`, cause });
}
