import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { keyId } from '../core/ed25519.ts';
import type { PublishedKey, Signed } from '../core/ports/signing.ts';

/** A key of the file. Without `privateKey` it only verifies. */
export interface RingKey extends PublishedKey {
  readonly privateKey?: KeyObject;
}

/** The keys of a deployment: exactly one, the first, is not retired; the others follow, the last retired first. */
export interface KeyRing {
  readonly current: RingKey & { readonly privateKey: KeyObject };
  readonly retired: readonly (RingKey & { readonly retired: string })[];
}

/** `at` in milliseconds. */
export function newKey(at: number): KeyRing['current'] {
  const { privateKey } = generateKeyPairSync('ed25519');
  return { ...publicPart(privateKey), privateKey, since: new Date(at).toISOString() };
}

export function publicPart(privateKey: KeyObject): Pick<RingKey, 'kid' | 'publicKey'> {
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' });
  const publicKey = new Uint8Array(Buffer.from(x ?? '', 'base64url'));
  return { kid: keyId(publicKey), publicKey };
}

/** The private key of 32 bytes; throws where they are none. */
export function privateKeyOf(seed: Uint8Array, publicKey: Uint8Array): KeyObject {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
  return createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', d: text(seed), x: text(publicKey) }, format: 'jwk' });
}

export function seedOf(privateKey: KeyObject): string {
  const { d } = privateKey.export({ format: 'jwk' });
  if (d === undefined) throw new Error('a private key without its private part');
  return d;
}

/**
 * A new key in force. The one before keeps its private part for co-signing until the next rotation, unless it is to be `forgotten`
 * because somebody else may have it; those before it lose theirs, since nothing needs it any more.
 */
export function rotated(ring: KeyRing, at: number, forget: boolean): KeyRing {
  const { privateKey, ...before } = ring.current;
  const retired = { ...before, retired: new Date(at).toISOString(), ...(forget ? {} : { privateKey }) };
  return { current: newKey(at), retired: [retired, ...ring.retired.map(withoutPrivatePart)] };
}

/** A ring after the file was lost: keys that are known only by their public part verify and sign no more. */
export function renewed(known: readonly PublishedKey[], at: number): KeyRing {
  const retired = known.map((key) => ({ ...key, retired: key.retired ?? new Date(at).toISOString() }));
  return { current: newKey(at), retired: retired.toSorted((a, b) => (a.retired < b.retired ? 1 : -1)) };
}

export function published({ current, retired }: KeyRing): readonly [PublishedKey, ...PublishedKey[]] {
  return [publicOnly(current), ...retired.map(publicOnly)];
}

export function signWith({ kid, privateKey }: KeyRing['current'], message: Uint8Array): Signed {
  return { kid, signature: new Uint8Array(sign(null, message, privateKey)) };
}

/** Built field by field: no private part can slip out. */
function publicOnly({ kid, publicKey, since, retired }: RingKey): PublishedKey {
  return { kid, publicKey, since, ...(retired === undefined ? {} : { retired }) };
}

function withoutPrivatePart<K extends RingKey>({ privateKey: _, ...key }: K): Omit<K, 'privateKey'> {
  return key;
}
