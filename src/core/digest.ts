import { createHash, hash as hashOf } from 'node:crypto';

/** `sha256:` and 64 hex digits. */
export type Digest = `sha256:${string}`;

export function sha256Hex(data: string | Uint8Array): string {
  return hashOf('sha256', data, 'hex');
}

export function digestOf(data: string | Uint8Array): Digest {
  return `sha256:${sha256Hex(data)}`;
}

/** A UUID (version 8, RFC 9562) over the parts. Each part is length-prefixed, so no two lists of parts collide. */
export function uuidOf(...parts: readonly (string | number)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) {
    const bytes = Buffer.from(String(part), 'utf8');
    hash.update(`${bytes.length}:`).update(bytes);
  }
  const b = hash.digest().subarray(0, 16);
  b.writeUInt8((b.readUInt8(6) & 0x0f) | 0x80, 6);
  b.writeUInt8((b.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = b.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
