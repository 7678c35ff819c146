import type { AclSubject } from './acl.ts';
import type { TenantId } from './ids.ts';
import { EVERYONE, EVERYONE_EXCEPT_GUESTS, type Principal } from './principal.ts';

export const SCOPES = ['retrieve', 'ingest', 'sources', 'audit', 'admin'] as const;
/** What a token may be used for at all. What its bearer may do with it is policy's. */
export type Scope = (typeof SCOPES)[number];

export type CallerUser =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'user';
      readonly principal: Principal;
      readonly groups: readonly Principal[];
      /** Unknown counts as guest, so identity passes `true` for it. */
      readonly guest: boolean;
      /** The issuer leaves groups to the directory: `groups` is empty until `ReadCatalog.resolve` has filled it in for this request. */
      readonly groupsFrom?: 'directory';
    };

/**
 * A verified caller. It exists only with complete groups: where they are not, identity resolves them or refuses
 * (`groups_incomplete`), because a deny on a missing group would fail open.
 */
export interface Caller {
  readonly tenant: TenantId;
  readonly issuer: string;
  readonly user: CallerUser;
  readonly client: Principal;
  /**
   * The outermost `act` of a delegated token, under every name it may go by: where the token does not say whether it is a
   * person or an application, it is both. It lends no right, so a name too many can only refuse. Inner ones are for the audit.
   */
  readonly actor: { readonly kind: 'none' } | { readonly kind: 'actor'; readonly principals: readonly [Principal, ...Principal[]] };
  /** The whole `act` chain, outermost first, as the token spelt it. For the audit, never for a decision. */
  readonly actorChain: readonly string[];
  readonly scopes: ReadonlySet<Scope>;
  /** SHA-256 of the token, hex. A cache key; never the token itself. */
  readonly tokenDigest: string;
  /** Seconds since 1970 at which the token ends. */
  readonly expiresAt: number;
  /** What a logout at the provider is compared with. Always there for a caller that identity made from a token. */
  readonly login?: Login;
}

/** Which login a token came from. */
export interface Login {
  /** `sub` as the token spelt it. */
  readonly subject: string;
  /** Seconds since 1970, on the issuer's clock. */
  readonly issuedAt: number;
  /** The provider's session (`sid`), where the token names one. */
  readonly session: { readonly kind: 'none' } | { readonly kind: 'session'; readonly id: string };
}

/** Who acts, for the audit: the user through the client, or the client alone. */
export function actingPrincipal({ user, client }: Pick<Caller, 'user' | 'client'>): Principal {
  return user.kind === 'user' ? user.principal : client;
}

/** Whom deny entries and deny lines may name of the actor; empty without one. */
export function actorPrincipals({ actor }: Caller): readonly Principal[] {
  return actor.kind === 'none' ? [] : actor.principals;
}

/** What policy lines may name of the user: themselves, their groups and the built-in principals. Empty without a user. */
export function userPrincipals(caller: Caller): readonly Principal[] {
  const { user } = caller;
  if (user.kind === 'none') return [];
  const builtIn = user.guest ? [EVERYONE] : [EVERYONE, EVERYONE_EXCEPT_GUESTS];
  return [user.principal, ...user.groups, ...builtIn];
}

export function aclSubject(caller: Caller): AclSubject {
  const user = userPrincipals(caller);
  return {
    gate: new Set(caller.user.kind === 'user' ? user : [caller.client]),
    deny: new Set([...user, caller.client, ...actorPrincipals(caller)]),
  };
}
