import { calculateJwkThumbprint, importJWK, type CryptoKey, type JWK } from 'jose';
import { z } from 'zod';
import { keyFitsAlgorithm } from './algorithms.ts';

/** A public key a provider signs with. */
export interface VerificationKey {
  readonly id: string | undefined;
  /** All that makes it this key for these uses; a set lost a key when it lost a fingerprint. */
  readonly fingerprint: string;
  fits(algorithm: string): boolean;
  /** Rejects where the members are no such key. */
  forAlgorithm(algorithm: string): Promise<CryptoKey>;
}

const MAX_KEYS = 100;
const MIN_RSA_BYTES = 256; // RFC 7518 §3.3: 2048 bits or more.

const keySet = z.object({ keys: z.array(z.unknown()).max(MAX_KEYS) });
const member = z.string().max(2_000).optional();
const jwk = z.object({
  kty: z.enum(['RSA', 'EC', 'OKP']),
  kid: z.string().max(256).optional(),
  use: member,
  key_ops: z.array(z.string()).optional(),
  alg: member,
  n: member,
  e: member,
  crv: member,
  x: member,
  y: member,
  // A key with a private or symmetric member is in more hands than its owner's.
  d: z.never().optional(),
  k: z.never().optional(),
  p: z.never().optional(),
  q: z.never().optional(),
  dp: z.never().optional(),
  dq: z.never().optional(),
  qi: z.never().optional(),
  oth: z.never().optional(),
});
type PublicJwk = z.infer<typeof jwk>;

/**
 * The usable signing keys of a JWKS. A key that is private, symmetric, short, for encryption or of an unknown kind is
 * left out (RFC 7517 §5); a document that is no key set throws. An empty list means that the provider has no key left.
 */
export function parseKeySet(body: string): readonly VerificationKey[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    throw new Error('the key set is not JSON');
  }
  const set = keySet.safeParse(parsed);
  if (!set.success) throw new Error('the key set is not a JWK set');
  return set.data.keys.flatMap((candidate) => {
    const key = jwk.safeParse(candidate);
    return key.success && isForVerifying(key.data) ? [verificationKey(key.data)] : [];
  });
}

function isForVerifying(key: PublicJwk): boolean {
  if (key.use !== undefined && key.use !== 'sig') return false;
  if (key.key_ops !== undefined && !key.key_ops.includes('verify')) return false;
  return key.kty !== 'RSA' || Buffer.from(key.n ?? '', 'base64url').length >= MIN_RSA_BYTES;
}

function verificationKey(key: PublicJwk): VerificationKey {
  const imported = new Map<string, Promise<CryptoKey>>();
  return {
    id: key.kid,
    fingerprint: JSON.stringify([key.kid, key.kty, key.crv, key.n, key.e, key.x, key.y, key.alg]),
    fits: (algorithm) => (key.alg ?? algorithm) === algorithm && keyFitsAlgorithm({ kty: key.kty, curve: key.crv }, algorithm),
    forAlgorithm(algorithm) {
      const known = imported.get(algorithm) ?? importKey(key, algorithm);
      imported.set(algorithm, known);
      return known;
    },
  };
}

/** A key that a caller brings chooses how much work its signature is: no longer than anyone uses, with a small exponent. */
const MAX_RSA_CHARACTERS = 683; // 4096 bits
const MAX_EXPONENT_CHARACTERS = 6;

/** The public key in the `jwk` of a proof, for this algorithm, with its RFC 7638 thumbprint. Undefined where it is none, or not public. */
export async function publicKeyOf(
  candidate: unknown,
  algorithm: string,
): Promise<{ readonly key: CryptoKey; readonly thumbprint: string } | undefined> {
  const parsed = jwk.safeParse(candidate);
  if (!parsed.success || !isForVerifying(parsed.data)) return undefined;
  const { data } = parsed;
  if ((data.n ?? '').length > MAX_RSA_CHARACTERS || (data.e ?? '').length > MAX_EXPONENT_CHARACTERS) return undefined;
  if (!verificationKey(data).fits(algorithm)) return undefined;
  try {
    return { key: await importKey(data, algorithm), thumbprint: await calculateJwkThumbprint(publicMembers(data), 'sha256') };
  } catch {
    return undefined;
  }
}

/** Only the members that make a public key are handed on; certificates and key URLs in a JWK are not looked at. */
async function importKey(key: PublicJwk, algorithm: string): Promise<CryptoKey> {
  const result = await importJWK(publicMembers(key), algorithm);
  if (result instanceof Uint8Array) throw new Error('a symmetric key');
  return result;
}

function publicMembers({ kty, n, e, crv, x, y }: PublicJwk): JWK {
  return Object.fromEntries(Object.entries({ kty, n, e, crv, x, y }).filter(([, value]) => value !== undefined));
}
