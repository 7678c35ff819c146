import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import { AppError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';

/** Where the next page begins, and where the answer as a whole ends: at the log as it was when the first page was read. */
export interface Place {
  /** The last position that was looked at. */
  readonly after: number;
  readonly before: number;
}

/** What a cursor is good for: in another tenant, or for another question, it is none. */
export interface Scope {
  readonly tenant: TenantId;
  readonly route: string;
  readonly question: string;
}

export interface Cursors {
  seal(scope: Scope, place: Place): Promise<string>;
  /** Fails with `invalid_request` for everything that `seal` did not make for the same scope. */
  open(scope: Scope, text: string): Promise<Place>;
}

const NONCE = 12;
const TAG = 16;

/**
 * Cursors that tell nothing: positions between two pages would count events that the reader may not audit. AES-256-GCM under a key
 * made from a secret of the deployment, so they hold on every replica and after a restart.
 */
export function createCursors(secret: () => Promise<string>, random: (bytes: number) => Uint8Array): Cursors {
  const places = sealedPlaces(secret, random);
  return {
    seal(scope, { after, before }) {
      const plain = Buffer.alloc(16);
      plain.writeBigUInt64BE(BigInt(after), 0);
      plain.writeBigUInt64BE(BigInt(before), 8);
      return places.seal(bound(scope), plain);
    },
    async open(scope, text) {
      const plain = await places.open(bound(scope), text);
      if (plain?.length !== 16) throw refused();
      return { after: Number(plain.readBigUInt64BE(0)), before: Number(plain.readBigUInt64BE(8)) };
    },
  };
}

/** Bytes that only this deployment can read, and only where they were made for. */
export interface SealedPlaces {
  seal(scope: Uint8Array, plain: Uint8Array): Promise<string>;
  /** Undefined for everything that `seal` did not make for the same scope. */
  open(scope: Uint8Array, text: string): Promise<Buffer | undefined>;
}

export function sealedPlaces(secret: () => Promise<string>, random: (bytes: number) => Uint8Array): SealedPlaces {
  const keyOf = async (): Promise<Uint8Array> => new Uint8Array(hkdfSync('sha256', await secret(), '', 'sluice audit cursor 1', 32));
  return {
    async seal(scope, plain) {
      const nonce = random(NONCE);
      const cipher = createCipheriv('aes-256-gcm', await keyOf(), nonce).setAAD(scope);
      return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString('base64url');
    },
    async open(scope, text) {
      const bytes = Buffer.from(text, 'base64url');
      if (bytes.length < NONCE + TAG) return undefined;
      try {
        const decipher = createDecipheriv('aes-256-gcm', await keyOf(), bytes.subarray(0, NONCE), { authTagLength: TAG })
          .setAAD(scope)
          .setAuthTag(bytes.subarray(-TAG));
        return Buffer.concat([decipher.update(bytes.subarray(NONCE, -TAG)), decipher.final()]);
      } catch {
        return undefined;
      }
    },
  };
}

function bound({ tenant, route, question }: Scope): Buffer {
  return Buffer.from(JSON.stringify([tenant, route, question]), 'utf8');
}

function refused(): AppError {
  return new AppError('invalid_request', { issues: [{ pointer: 'query/cursor', message: 'not a cursor of this question' }] });
}
