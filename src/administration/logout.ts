import type { LogoutVerifier } from '../core/ports/identity.ts';
import type { LogoutCatalog } from '../core/ports/logouts.ts';

/** Takes a logout token that an identity provider sent. Fails with `invalid_logout_token`, `issuer_unavailable` or `catalog_unavailable`. */
export type EndLogin = (token: string, requestId: string, signal: AbortSignal) => Promise<void>;

export function createEndLogin(parts: { readonly identity: LogoutVerifier; readonly catalog: LogoutCatalog }): EndLogin {
  return async (token, requestId, signal) => {
    const logout = await parts.identity.verifyLogout(token, signal);
    await parts.catalog.recordLogout(logout, requestId);
  };
}
