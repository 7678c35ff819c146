import { createHash, createPublicKey, verify } from 'node:crypto';

export const PUBLIC_KEY_BYTES = 32;
export const SIGNATURE_BYTES = 64;

/** RFC 7638 thumbprint of an Ed25519 public key (32 bytes): base64url of SHA-256 over its required members in their order. */
export function keyId(publicKey: Uint8Array): string {
  const x = Buffer.from(publicKey).toString('base64url');
  // RFC 8037 section 2: the members of an OKP key that count are crv, kty and x.
  return createHash('sha256').update(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`).digest('base64url');
}

/** False for any signature, key or length that is not exactly right; never throws. */
export function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== PUBLIC_KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false;
  const x = Buffer.from(publicKey).toString('base64url');
  try {
    return verify(null, message, createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }), signature);
  } catch {
    // Bytes that are no point of the curve.
    return false;
  }
}
