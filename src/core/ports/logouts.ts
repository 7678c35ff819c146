import type { OnceGuard, VerifiedLogout } from './identity.ts';

/** What ends tokens before their time, kept for all replicas. Fails with `catalog_unavailable`. */
export interface LogoutCatalog extends OnceGuard {
  /**
   * From the commit on, every request that starts is refused with a token that the logout ends, and moves the epoch for those under
   * way. Writes `login.ended`. Fails with `invalid_logout_token` where this one was used before.
   */
  recordLogout(logout: VerifiedLogout, requestId: string): Promise<void>;
}
