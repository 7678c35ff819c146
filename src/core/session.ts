import type { Brand } from './brand.ts';
import type { Caller } from './caller.ts';
import { digestOf, type Digest } from './digest.ts';
import type { TenantId } from './ids.ts';
import { trustRank, type Label, type LabelScheme, type Level, type Trust } from './label.ts';
import type { Principal } from './principal.ts';

/** A session's own name, chosen by the caller: letters, digits, `.`, `_`, `:`, `-`, 1 to 128 characters. */
export type SessionName = Brand<string, 'SessionName'>;

const NAME = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

/** Without use for so long a session ends: what it had seen is no longer known, and its name answers `session_ended`. */
export const SESSION_IDLE_MS = 30 * 86_400_000;
/** For so long after its end the name cannot begin again. */
export const SESSION_ENDED_MS = 365 * 86_400_000;
/** Sessions in use that one user through one client, or one client without a user, may have. */
export const MAX_SESSIONS = 10_000;

export function parseSessionName(text: string): SessionName | undefined {
  return NAME.test(text) ? (text as SessionName) : undefined;
}

/** Which session a caller means. Both are digests: the names of others cannot be read from the database or the log. */
export interface SessionKey {
  /** Of tenant, user, client and name, so that the same name of anybody else is another session. */
  readonly id: Digest;
  /** Of tenant, user and client. */
  readonly holder: Digest;
  /** Of tenant and user; null for an application alone. */
  readonly person: Digest | null;
}

/** By what the sessions of a person are found, whatever they are named and whichever application they came through. */
export function sessionPerson(tenant: TenantId, user: Principal): Digest {
  return digestOf(JSON.stringify(['person', tenant, user]));
}

export function sessionKey(caller: Pick<Caller, 'tenant' | 'user' | 'client'>, name: SessionName): SessionKey {
  const user = caller.user.kind === 'user' ? caller.user.principal : null;
  const holder = [caller.tenant, user, caller.client];
  return {
    id: digestOf(JSON.stringify(['session', ...holder, name])),
    holder: digestOf(JSON.stringify(['holder', ...holder])),
    person: user === null ? null : sessionPerson(caller.tenant, user),
  };
}

/** `label` is undefined where every answer so far was empty: nothing has no label. */
export interface SessionSeen {
  readonly turns: number;
  readonly label: Label | undefined;
}

/**
 * `none`: this caller never released anything under that name. `ended`: idle for too long, what it saw is forgotten.
 * `unreadable`: its level has left the label scheme, so nothing can be said about it.
 */
export type SessionState = { readonly kind: 'none' } | KnownSession;
export type KnownSession = { readonly kind: 'ended' | 'unreadable' } | { readonly kind: 'open'; readonly seen: SessionSeen };

/** What a tool or an outlet may receive: at most this level, these compartments, and, where it says so, text of at least this trust. */
export interface Sink {
  readonly level: Level;
  readonly compartments: readonly string[];
  readonly minTrust: Trust | undefined;
}

export const SINK_REASONS = [
  'switched_off',
  'session_unknown',
  'session_ended',
  'level_too_high',
  'compartment_not_cleared',
  'trust_too_low',
] as const;
export type SinkReason = (typeof SINK_REASONS)[number];

/**
 * No write-down: the sink may receive what the session has seen where the session's level is at most the sink's, its compartments
 * are a subset of the sink's, and its trust is at least what the sink demands. All reasons that stand against it; none allows.
 * A session nobody knows is not an empty one: a misspelt name must not open a sink.
 */
export function judgeSink(scheme: LabelScheme, state: SessionState, sink: Sink): readonly SinkReason[] {
  if (state.kind === 'none') return ['session_unknown'];
  if (state.kind !== 'open') return ['session_ended'];
  const { label } = state.seen;
  if (label === undefined) return [];
  const reasons: SinkReason[] = [];
  if (scheme.rank(label.level) > scheme.rank(sink.level)) reasons.push('level_too_high');
  if (!label.compartments.every((compartment) => sink.compartments.includes(compartment))) reasons.push('compartment_not_cleared');
  if (sink.minTrust !== undefined && trustRank(label.trust) < trustRank(sink.minTrust)) reasons.push('trust_too_low');
  return reasons;
}
