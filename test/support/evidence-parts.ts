import { createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto';
import type { Deeds } from '../../src/audit/worker/protocol.ts';

/** An Ed25519 key that is the same in every process. */
export interface TestKey {
  readonly publicKey: Uint8Array;
  readonly sign: (message: Uint8Array) => Uint8Array;
}

export function testKey(seed: number): TestKey {
  // PKCS #8 of an Ed25519 key (RFC 8410): a fixed beginning and the 32 bytes of the key.
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, seed)]);
  const key: KeyObject = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' });
  return { publicKey: Buffer.from(x, 'base64url'), sign: (message) => sign(null, message, key) };
}

/** Signs with these keys, and sweeps nothing unless told how. */
export function testDeeds(keys: readonly TestKey[], sweep: Deeds['sweep'] = () => Promise.resolve(0)): Deeds {
  return {
    sign: (text) => Promise.resolve(keys.map((key) => ({ publicKey: key.publicKey, signature: key.sign(Buffer.from(text, 'utf8')) }))),
    keys: () => Promise.resolve(keys.map(({ publicKey }) => publicKey)),
    sweep,
  };
}
