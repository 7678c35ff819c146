import type { IssuerConfig } from '../../src/core/ports/identity.ts';
import type { SignOptions, TestClaims, TestIssuer } from './test-issuer.ts';

export const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout';
/** What an issuer of tests is configured with, so that its logout tokens are taken. */
export const TAKES_LOGOUTS: Partial<IssuerConfig> = { logout: { audiences: ['sluice-login'], types: ['logout+jwt'] } };

/** A logout token as a good provider makes it, or bent by claims and header. Names nobody by itself. */
export function logoutToken(issuer: TestIssuer, claims: TestClaims = {}, options: SignOptions = {}): Promise<string> {
  const none = { client_id: undefined, tenant: undefined, groups: undefined, employment: undefined, scope: undefined, sub: undefined };
  const proper = { aud: 'sluice-login', events: { [LOGOUT_EVENT]: {} } };
  return issuer.sign({ ...none, ...proper, ...claims }, { ...options, header: { typ: 'logout+jwt', ...options.header } });
}
