/**
 * Every JWS algorithm that may be allowed for an issuer, with the keys that fit it (RFC 8725 §3.1, §3.2). Asymmetric only: with a
 * symmetric one a public key becomes the secret (§2.1).
 */
const ALGORITHMS: ReadonlyMap<string, { readonly kty: string; readonly curve?: string }> = new Map([
  ['RS256', { kty: 'RSA' }],
  ['RS384', { kty: 'RSA' }],
  ['RS512', { kty: 'RSA' }],
  ['PS256', { kty: 'RSA' }],
  ['PS384', { kty: 'RSA' }],
  ['PS512', { kty: 'RSA' }],
  ['ES256', { kty: 'EC', curve: 'P-256' }],
  ['ES384', { kty: 'EC', curve: 'P-384' }],
  ['ES512', { kty: 'EC', curve: 'P-521' }],
  ['EdDSA', { kty: 'OKP', curve: 'Ed25519' }],
  ['Ed25519', { kty: 'OKP', curve: 'Ed25519' }],
]);

export const ASYMMETRIC_ALGORITHMS: readonly string[] = [...ALGORITHMS.keys()];

export function isAsymmetricAlgorithm(name: string): boolean {
  return ALGORITHMS.has(name);
}

export function keyFitsAlgorithm(key: { readonly kty: string; readonly curve: string | undefined }, algorithm: string): boolean {
  const needs = ALGORITHMS.get(algorithm);
  return needs !== undefined && needs.kty === key.kty && needs.curve === key.curve;
}
