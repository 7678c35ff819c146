import { createHmac } from 'node:crypto';
import { AppError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import { AUDIT_KINDS, type AuditEvent, type AuditKind, type ReleaseOutcome } from '../core/ports/audit.ts';
import type { EpochStamp } from '../core/ports/catalog.ts';
import type { SessionTurn } from '../core/ports/sessions.ts';
import type { SessionSeen } from '../core/session.ts';
import { canonicalJson } from './leaf.ts';
import type { Keys } from './names/keyring.ts';
import type { IdentifiedSubject } from './names/key.ts';
import { templateOf, type BodyTemplate } from './names/template.ts';
import { planSeal, type SealPlan } from './sealed/plan.ts';
import type { SealedPart } from './sealed/seal.ts';

/** An event checked and in its final form, before it has a place. */
export interface Entry {
  readonly tenant: TenantId;
  readonly kind: AuditKind;
  readonly requestId: string;
  readonly body: BodyTemplate;
  readonly plan: SealPlan | undefined;
  /** Of whom the body and the sealed part need keys. */
  readonly subjects: readonly IdentifiedSubject[];
  /** What was prepared outside of any lock. Undefined: it is done under it. */
  readonly prepared: Prepared | undefined;
  /** 16 random bytes, hex. */
  readonly salt: string;
  readonly condition: Condition;
  /** UTF-16 units that it holds in memory. */
  readonly size: number;
}

export interface Prepared {
  readonly keys: Keys;
  readonly sealed: SealedPart | undefined;
}

/** What must still hold when an event is written. */
export type Condition =
  | { readonly kind: 'none' }
  | { readonly kind: 'no-erasure-since'; readonly erasures: number }
  | {
      readonly kind: 'release';
      readonly judgedAt: EpochStamp;
      readonly validUntil: number | 'forever';
      readonly turn: SessionTurn | undefined;
    };

/** `abandoned`: its caller had been told that it failed before it could be written, so it was not. `erased-since`: what it speaks of may be gone. */
export type Outcome = ReleaseOutcome | { readonly kind: 'abandoned' } | { readonly kind: 'erased-since' };

export type RandomBytes = (size: number) => Buffer;

const MAX_REQUEST_ID = 256;
const MAX_BODY = 1_048_576;
/** Longer than any principal, and than the JSON of any source and document id. */
const MAX_NAME = 8_192;

/** What an event is made into an entry with. */
export interface EntryMaker {
  readonly random: RandomBytes;
}

/** Takes the event's final form at once, so that nothing the caller changes later is recorded. Fails with `audit_unavailable`. */
export function makeEntry(event: AuditEvent, condition: Condition, { random }: EntryMaker): Entry {
  const { tenant, kind, requestId } = event;
  if (!AUDIT_KINDS.includes(kind)) throw refused('unknown kind');
  if (tenant.length === 0 || !storable(tenant)) throw refused('tenant cannot be stored');
  if (requestId.length === 0 || requestId.length > MAX_REQUEST_ID || !storable(requestId)) throw refused('request id cannot be stored');
  const { body, plan } = finalForm(event, condition);
  const subjects = plan === undefined ? body.subjects : [...body.subjects, ...plan.subjects];
  const length = body.pieces.reduce((sum, piece) => sum + piece.length, 0);
  if (length > MAX_BODY) throw refused('body too large');
  if (subjects.some(({ name }) => name.length > MAX_NAME || !storable(name))) throw refused('a name cannot be stored');
  const size = length + (plan === undefined ? 0 : plan.facts.length + (plan.answer?.length ?? 0));
  return { tenant, kind, requestId, body, plan, subjects, prepared: undefined, size, salt: random(16).toString('hex'), condition };
}

/** PostgreSQL stores no NUL, and a lone surrogate would come back as another character. */
function storable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

function finalForm(event: AuditEvent, condition: Condition): Pick<Entry, 'body' | 'plan'> {
  try {
    const plan = event.sealed === undefined ? undefined : planSeal(event.sealed);
    const session = condition.kind === 'release' && condition.turn !== undefined;
    return { plan, body: templateOf(event.body, { session, sealed: plan !== undefined }) };
  } catch (error) {
    throw refused('it has no canonical form, or is too large', error);
  }
}

/**
 * What its session has seen after a release, as its event says it: known only once it was joined. The session goes under a keyed hash of
 * its id, with the key of whoever holds it: its own id is a digest of their name, and would link to them after their erasure.
 */
export function sessionText(turn: SessionTurn, { turns, label }: SessionSeen, holder: Uint8Array | undefined): string {
  const id = holder === undefined ? null : createHmac('sha256', holder).update('session ').update(turn.key.id).digest('hex').slice(0, 32);
  return canonicalJson({ id, turns, label: label === undefined ? null : { ...label } });
}

function refused(detail: string, cause?: unknown): AppError {
  return new AppError('audit_unavailable', { detail: `audit event refused: ${detail}`, cause });
}
