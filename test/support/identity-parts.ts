import { AppError } from '../../src/core/errors.ts';
import type { IssuerConfig } from '../../src/core/ports/identity.ts';
import { membersOf, type Members } from '../../src/identity/strict-json.ts';

/** Of all tests of single parts of identity: seconds since 1970. */
export const AT = 1_700_000_000;
export const ISSUER = 'https://issuer.test';

/** An issuer that is only judged by, never asked. A skew of 5 s. */
export function issuerOf(overrides: Partial<IssuerConfig> = {}): IssuerConfig {
  return {
    name: 'test',
    url: ISSUER,
    audiences: ['https://sluice.test', 'sluice'],
    algorithms: ['ES256'],
    types: ['at+jwt'],
    audienceCheck: { kind: 'claim' },
    tenants: { kind: 'claim', claim: 'tenant', allow: ['acme', 'other'] },
    claims: {
      client: 'client_id',
      groups: { kind: 'claim', claim: 'groups' },
      guest: { kind: 'claim', claim: 'employment', members: ['employee', '0'] },
      scope: 'scope',
      scopePrefix: '',
    },
    clockSkewSeconds: 5,
    requiredClaims: ['aud', 'sub', 'client_id', 'iat', 'jti'],
    ...overrides,
  };
}

/** Claims that `issuerOf()` takes; `undefined` takes one out. */
export function claimsOf(changes: Readonly<Record<string, unknown>> = {}): Members {
  const good = {
    iss: ISSUER,
    aud: 'sluice',
    sub: 'alice',
    client_id: 'assistant',
    iat: AT,
    exp: AT + 600,
    jti: 'j',
    tenant: 'acme',
    groups: ['hr'],
    employment: 'employee',
    scope: 'retrieve',
  };
  return membersOf(Object.fromEntries(Object.entries({ ...good, ...changes }).filter(([, value]) => value !== undefined)));
}

/** `ok`, or `<code>: <reason>` as an operator finds it in the log. A code alone would not tell which of two checks refused. */
export function reasonOf(run: () => unknown): string {
  try {
    run();
    return 'ok';
  } catch (error) {
    return inWords(error);
  }
}

export async function laterReasonOf(work: Promise<unknown>): Promise<string> {
  return work.then(() => 'ok', inWords);
}

function inWords(error: unknown): string {
  if (!(error instanceof AppError)) throw error;
  return `${error.code}: ${error.message}`;
}
