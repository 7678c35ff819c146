import { isAsymmetricAlgorithm, type AsymmetricAlgorithm } from '../core/ports/identity.ts';

/** The keys that fit each algorithm (RFC 8725 §3.1, §3.2). */
const KEYS: Readonly<Record<AsymmetricAlgorithm, { readonly kty: string; readonly curve?: string }>> = {
  RS256: { kty: 'RSA' },
  RS384: { kty: 'RSA' },
  RS512: { kty: 'RSA' },
  PS256: { kty: 'RSA' },
  PS384: { kty: 'RSA' },
  PS512: { kty: 'RSA' },
  ES256: { kty: 'EC', curve: 'P-256' },
  ES384: { kty: 'EC', curve: 'P-384' },
  ES512: { kty: 'EC', curve: 'P-521' },
  EdDSA: { kty: 'OKP', curve: 'Ed25519' },
  Ed25519: { kty: 'OKP', curve: 'Ed25519' },
};

export function keyFitsAlgorithm(key: { readonly kty: string; readonly curve: string | undefined }, algorithm: string): boolean {
  if (!isAsymmetricAlgorithm(algorithm)) return false;
  const needs = KEYS[algorithm];
  return needs.kty === key.kty && needs.curve === key.curve;
}
