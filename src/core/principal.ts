import type { Brand } from './brand.ts';

/**
 * Who an ACL or a policy line can name: `user:<issuer>|<sub>`, `group:<issuer>|<id>`, `client:<issuer>|<client_id>`,
 * `everyone` or `everyone-except-guests`. Compared by exact string. `role:` names belong to policy and are never principals.
 */
export type Principal = Brand<string, 'Principal'>;
export type PrincipalKind = 'user' | 'group' | 'client';

/** Every person of the tenant, guests included. Clients without a user are not in it. */
export const EVERYONE = 'everyone' as Principal;
/** Every person known not to be a guest; an unknown guest status counts as guest. */
export const EVERYONE_EXCEPT_GUESTS = 'everyone-except-guests' as Principal;

export const MAX_PRINCIPAL_LENGTH = 600;

// The first `|` separates, since a `sub` may contain more of them.
const QUALIFIED = /^(user|group|client):([a-z0-9][a-z0-9-]{0,30})\|(.+)$/s;
// With a `|` in it something stands where an issuer would: it names an issuer or nobody, never an id of the only issuer.
const UNQUALIFIED = /^(user|group|client):([^|]+)$/s;
const CONTROL = /\p{Cc}/u;

export interface PrincipalParts {
  readonly kind: PrincipalKind;
  readonly issuer: string;
  readonly id: string;
}

/** The only way to make a scoped principal from an issuer's short name and an id the issuer vouched for. */
export function principal(kind: PrincipalKind, issuer: string, id: string): Principal | undefined {
  return parsePrincipal(`${kind}:${issuer}|${id}`);
}

export function parsePrincipal(text: string): Principal | undefined {
  if (text === EVERYONE || text === EVERYONE_EXCEPT_GUESTS) return text as Principal;
  if (text.length > MAX_PRINCIPAL_LENGTH || !text.isWellFormed() || CONTROL.test(text)) return undefined;
  return QUALIFIED.test(text) ? (text as Principal) : undefined;
}

/** Undefined for the built-in principals, which have no issuer. */
export function principalParts(p: Principal): PrincipalParts | undefined {
  const match = QUALIFIED.exec(p);
  if (match === null) return undefined;
  const [, kind, issuer, id] = match;
  return { kind: kind as PrincipalKind, issuer: issuer ?? '', id: id ?? '' };
}

/**
 * A principal as written in a body, where the issuer may be left out when the tenant has only one.
 * A text that names no possible principal is undefined; the caller decides what an unknown one means.
 */
export function qualifyPrincipal(text: string, issuers: readonly string[]): Principal | undefined {
  const parsed = parsePrincipal(text);
  if (parsed !== undefined) return parsed;
  const match = UNQUALIFIED.exec(text);
  const only = issuers.length === 1 ? issuers[0] : undefined;
  if (match === null || only === undefined) return undefined;
  return parsePrincipal(`${match[1] ?? ''}:${only}|${match[2] ?? ''}`);
}
