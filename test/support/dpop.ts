import { createHash } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';

/** A client's key for proofs (RFC 9449). */
export interface ProofKey {
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
  /** With the private member. */
  readonly privateJwk: JWK;
  /** For `cnf.jkt`. */
  readonly thumbprint: string;
  readonly algorithm: string;
}

export async function proofKey(algorithm = 'ES256'): Promise<ProofKey> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
  const publicJwk = await exportJWK(publicKey);
  return { privateKey, publicJwk, privateJwk: await exportJWK(privateKey), thumbprint: await calculateJwkThumbprint(publicJwk), algorithm };
}

export interface ProofOptions {
  readonly token: string;
  readonly method: string;
  readonly url: string;
  /** Seconds since 1970. */
  readonly at?: number;
  /** Over the proper claims and header; `undefined` takes one out. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, unknown>>;
}

const defined = (given: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));

export function athOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}

/** A proof for one request, as a good client makes it, or bent as `claims` and `header` say. */
export async function makeProof(key: ProofKey, { token, method, url, at, claims = {}, header = {} }: ProofOptions): Promise<string> {
  const proper = { jti: crypto.randomUUID(), htm: method, htu: url, iat: at ?? Math.floor(Date.now() / 1_000), ath: athOf(token) };
  const headers = defined({ typ: 'dpop+jwt', jwk: key.publicJwk, ...header, alg: header['alg'] ?? key.algorithm });
  return new SignJWT(defined({ ...proper, ...claims })).setProtectedHeader(headers as { alg: string }).sign(key.privateKey);
}
