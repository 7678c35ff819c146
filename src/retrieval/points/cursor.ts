import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import { AppError } from '../../core/errors.ts';
import type { ChunkId, TenantId } from '../../core/ids.ts';
import type { PointPlace } from '../../core/ports/collections.ts';

/** Where a page ended, in the shape of a point id: clients type it as one. */
export interface Cursors {
  after(last: ChunkId): string;
  /** `invalid_request` for what is no cursor of this collection. */
  open(cursor: string): ChunkId;
}

/**
 * The last chunk id of a page, enciphered as one block of AES-256 under a key of the deployment, the tenant and the collection. In plain
 * it would let its holder name chunks, and learn from the order of pages where hidden ones lie. A block that nobody made opens to random
 * bits, which are a chunk id only where version and variant happen to fit (1 in 64); such a cursor begins a page at a random place, which
 * tells nothing that the page itself does not.
 */
export function cursorsOf(secret: string, tenant: TenantId, place: PointPlace): Cursors {
  const key = Buffer.from(hkdfSync('sha256', secret, '', `sluice scroll cursor v1\0${tenant}\0${place}`, 32));
  return {
    after(last) {
      const cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false);
      return uuid(cipher.update(bytesOf(last)));
    },
    open(cursor) {
      const sealed = bytesOf(cursor);
      if (sealed.length !== 16) throw noCursor();
      const plain = createDecipheriv('aes-256-ecb', key, null).setAutoPadding(false).update(sealed);
      // As uuidOf makes them: version 8, variant 10.
      if (plain.readUInt8(6) >> 4 !== 8 || plain.readUInt8(8) >> 6 !== 2) throw noCursor();
      return uuid(plain) as ChunkId;
    },
  };
}

function noCursor(): AppError {
  return new AppError('invalid_request', { issues: [{ pointer: '/offset', message: 'is no offset that a page of this collection gave' }] });
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text.replaceAll('-', ''), 'hex');
}

function uuid(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
