import type { DpopRule } from '../core/ports/identity.ts';
import { invalidToken } from './failures.ts';
import { isObject, type Members } from './strict-json.ts';

/** The key a token is bound to (RFC 7800), by its RFC 7638 thumbprint. */
export type Confirmation = { readonly kind: 'none' } | { readonly kind: 'key'; readonly thumbprint: string };

const THUMBPRINT = /^[A-Za-z0-9_-]{43}$/;

/**
 * Only `jkt` alone can be checked here. Any other member, such as `x5t#S256` of a certificate, asks for a check that cannot be
 * made, and to pass over it would let a stolen token in. Fails with `invalid_token`.
 */
export function confirmationOf(claims: Members, rule: DpopRule): Confirmation {
  if (!claims.has('cnf')) {
    if (rule === 'required') throw invalidToken('a token that is bound to no key');
    return { kind: 'none' };
  }
  const cnf = claims.get('cnf');
  const members = isObject(cnf) ? Object.entries(cnf) : [];
  const [first, ...others] = members;
  const thumbprint = first?.[0] === 'jkt' && others.length === 0 ? first[1] : undefined;
  if (typeof thumbprint !== 'string' || !THUMBPRINT.test(thumbprint)) throw invalidToken('a confirmation that cannot be checked');
  if (rule === 'refused') throw invalidToken('a bound token, which this issuer may not issue');
  return { kind: 'key', thumbprint };
}
