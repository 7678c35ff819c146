import { AppError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import type { JsonObject } from '../core/json.ts';
import { AUDIT_KINDS, type AuditEvent, type AuditKind, type ReleaseOutcome } from '../core/ports/audit.ts';
import type { EpochStamp } from '../core/ports/catalog.ts';
import type { SessionTurn } from '../core/ports/sessions.ts';
import type { SessionSeen } from '../core/session.ts';
import { canonicalJson } from './leaf.ts';

/** An event checked and in its final form, before it has a place. */
export interface Entry {
  readonly tenant: TenantId;
  readonly kind: AuditKind;
  readonly requestId: string;
  /** Canonical JSON. */
  readonly body: string;
  /** 16 random bytes, hex. */
  readonly salt: string;
  readonly condition: Condition;
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

/** Takes the event's final form at once, so that nothing the caller changes later is recorded. Fails with `audit_unavailable`. */
export function makeEntry(event: AuditEvent, condition: Condition, random: RandomBytes): Entry {
  const { tenant, kind, requestId } = event;
  if (!AUDIT_KINDS.includes(kind)) throw refused('unknown kind');
  if (tenant.length === 0 || !storable(tenant)) throw refused('tenant cannot be stored');
  if (requestId.length === 0 || requestId.length > MAX_REQUEST_ID || !storable(requestId)) throw refused('request id cannot be stored');
  const body = canonicalBody(event);
  if (body.length > MAX_BODY) throw refused('body too large');
  return { tenant, kind, requestId, body, salt: random(16).toString('hex'), condition };
}

/** PostgreSQL stores no NUL, and a lone surrogate would come back as another character. */
function storable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

function canonicalBody(event: AuditEvent): string {
  try {
    return canonicalJson(event.body);
  } catch (error) {
    throw refused('body has no canonical form', error);
  }
}

/** The body of a release with what its session has seen after it: known only once it was joined. */
export function bodyWithSession(body: string, turn: SessionTurn, { turns, label }: SessionSeen): string {
  const session = { id: turn.key.id, turns, label: label === undefined ? null : { ...label } };
  return canonicalJson({ ...(JSON.parse(body) as JsonObject), session });
}

function refused(detail: string, cause?: unknown): AppError {
  return new AppError('audit_unavailable', { detail: `audit event refused: ${detail}`, cause });
}
