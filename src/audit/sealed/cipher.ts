import { createCipheriv, createDecipheriv, createHmac, createSecretKey, hash } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { RandomBytes } from '../entry.ts';

const NONCE = 12;
const TAG = 16;
/** From so many UTF-16 units on a text is compressed: it is stored once, however often it is released. */
export const TEXT_PACKED_FROM = 256;
/** The same of facts and answers. They are made anew with each request, and what is saved below is less than the work for it. */
export const PART_PACKED_FROM = 2_048;
const LARGE = 16_384;
/** What zlib takes at least, in bytes. */
const MIN_CHUNK = 64;
/** The byte 0. */
const PLAIN_MARK = '\0';
const DEFLATED = 1;
/** What one part may unpack to: nothing that we packed is larger, so a forged one cannot fill the memory. */
const MAX_UNPACKED = 67_108_864;

/** A key for one part, from the keys of all who can have it destroyed. `label` and `seed` keep the parts of all events apart. */
export function partKey(label: string, seed: Uint8Array, keys: readonly Uint8Array[]): Uint8Array {
  return hash('sha256', Buffer.concat([Buffer.from(`sluice ${label} v1\0`, 'utf8'), seed, ...keys]), 'buffer');
}

/** Keyed hash of a text's content under the key of its version, 32 bytes: without that key it says nothing of the text. */
export function textId(key: Uint8Array, content: string): Buffer {
  return createHmac('sha256', createSecretKey(key)).update('text id\0').update(content, 'utf8').digest();
}

export interface Encrypting {
  readonly random: RandomBytes;
  readonly packedFrom: number;
}

/** AES-256-GCM over the packed text: nonce, ciphertext, tag. `bound` is authenticated and not stored. */
export function encrypt(key: Uint8Array, bound: string, text: string, { random, packedFrom }: Encrypting): Buffer {
  const nonce = random(NONCE);
  // A key of bytes costs twenty times as much: Node looks at it in several ways before it makes the same object of it.
  const cipher = createCipheriv('aes-256-gcm', createSecretKey(key), nonce);
  cipher.setAAD(Buffer.from(bound, 'utf8'));
  return Buffer.concat([nonce, cipher.update(pack(text, packedFrom)), cipher.final(), cipher.getAuthTag()]);
}

/** Undefined where the bytes, the key or what they are bound to are not those they were encrypted with. */
export function decrypt(key: Uint8Array, bound: string, sealed: Uint8Array): string | undefined {
  if (sealed.length < NONCE + TAG + 1) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', createSecretKey(key), sealed.subarray(0, NONCE), { authTagLength: TAG });
  decipher.setAAD(Buffer.from(bound, 'utf8'));
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG));
  try {
    return unpack(Buffer.concat([decipher.update(sealed.subarray(NONCE, sealed.length - TAG)), decipher.final()]));
  } catch {
    return undefined;
  }
}

/** The first byte says how the rest is packed. Lengths are no secret from whoever holds the database. */
function pack(text: string, packedFrom: number): Buffer {
  if (text.length >= packedFrom) {
    const bytes = Buffer.from(text, 'utf8');
    // A small window for what is small: making a large one costs more than the packing. So does room for more than the bytes themselves.
    const small = { windowBits: 12, memLevel: 5, chunkSize: Math.max(MIN_CHUNK, bytes.length) };
    const deflated = deflateRawSync(bytes, { level: 1, ...(bytes.length > LARGE ? {} : small) });
    if (deflated.length < bytes.length) return Buffer.concat([Uint8Array.of(DEFLATED), deflated]);
  }
  return Buffer.from(PLAIN_MARK + text, 'utf8');
}

function unpack(bytes: Buffer): string {
  const rest = bytes.subarray(1);
  return (bytes[0] === DEFLATED ? inflateRawSync(rest, { maxOutputLength: MAX_UNPACKED }) : rest).toString('utf8');
}
