import type { Clock } from '../core/ports/clock.ts';
import type { PublishedKey, SigningPort } from '../core/ports/signing.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import { createRingFile, readRing, replaceRingFile, type ReadRing } from './key-file.ts';
import { newKey, published, renewed, rotated, signWith, type KeyRing } from './key-ring.ts';
import { lackingKeys, SigningKeysError } from './ring-text.ts';

export interface SigningOptions {
  /** Absolute. */
  readonly path: string;
  readonly clock: Clock;
  readonly telemetry: Pick<Telemetry, 'log'>;
  /** Keys that this deployment has published before. The file has to hold them all. */
  readonly known: readonly PublishedKey[];
}

export interface Signing extends SigningPort {
  /** Takes up what a rotation wrote to the file; true where the keys changed. Keeps the keys it has where the file cannot be used. */
  refresh(): Promise<boolean>;
}

/**
 * Opens the file of keys, and makes it where the deployment has never signed. Throws a SigningKeysError where the file cannot be used or
 * lacks a key that the deployment signed with: signatures of two rings that do not know of each other cannot be verified by one key set.
 */
export async function openSigning({ path, clock, telemetry: { log }, known }: SigningOptions): Promise<Signing> {
  let { ring, version } = await openRing(path, clock, known);
  const adopt = (read: ReadRing): boolean => {
    if (read.version === version) return false;
    demandAll(path, read.ring, published(ring));
    const changed = read.ring.current.kid !== ring.current.kid || read.ring.retired.length !== ring.retired.length;
    ({ ring, version } = read);
    return changed;
  };
  return {
    sign: (message) => signWith(ring.current, message),
    coSign(message) {
      const [before] = ring.retired;
      return before?.privateKey === undefined ? undefined : signWith({ ...before, privateKey: before.privateKey }, message);
    },
    keys: () => published(ring),
    async refresh() {
      try {
        const read = await readRing(path);
        if (read === 'absent') throw new SigningKeysError(path, 'it is gone');
        return adopt(read);
      } catch (error) {
        log.error({}, 'the file of signing keys cannot be used; signing goes on with the keys in memory', error);
        return false;
      }
    },
  };
}

async function openRing(path: string, clock: Clock, known: readonly PublishedKey[]): Promise<ReadRing> {
  let read = await readRing(path);
  if (read === 'absent') {
    if (known.length > 0) throw lackingKeys(path, known);
    await createRingFile(path, { current: newKey(clock.now()), retired: [] });
    read = await readRing(path);
    if (read === 'absent') throw new SigningKeysError(path, 'it is gone');
  }
  demandAll(path, read.ring, known);
  return read;
}

function demandAll(path: string, ring: KeyRing, known: readonly PublishedKey[]): void {
  const held = new Set(published(ring).map(({ kid }) => kid));
  const missing = known.filter(({ kid }) => !held.has(kid));
  if (missing.length > 0) throw lackingKeys(path, missing);
}

export interface Rotation {
  /** `lost`: the file is gone or broken. `compromised`: somebody else may have its private keys. */
  readonly kind: 'planned' | 'compromised' | 'lost';
  readonly known: readonly PublishedKey[];
}

/**
 * Writes a ring with a new key in force; a running service takes it up within seconds. Throws a SigningKeysError where the file is
 * absent or cannot be used, and for `lost` where it can.
 */
export async function rotateKey(
  path: string,
  clock: Clock,
  { kind, known }: Rotation,
): Promise<readonly [PublishedKey, ...PublishedKey[]]> {
  const ring = kind === 'lost' ? renewed(await demandLost(path, known), clock.now()) : await rotatedRing(path, clock, kind, known);
  await replaceRingFile(path, ring);
  return published(ring);
}

async function rotatedRing(path: string, clock: Clock, kind: Rotation['kind'], known: readonly PublishedKey[]): Promise<KeyRing> {
  const read = await readRing(path);
  if (read === 'absent') {
    throw new SigningKeysError(path, 'there is no such file', 'It is made when the service first starts; SLUICE_SIGNING_KEYS names it');
  }
  demandAll(path, read.ring, known);
  return rotated(read.ring, clock.now(), kind === 'compromised');
}

/** A ring that can be used is not lost: to throw away its private keys would be a slip. */
async function demandLost(path: string, known: readonly PublishedKey[]): Promise<readonly PublishedKey[]> {
  let read: ReadRing | 'absent';
  try {
    read = await readRing(path);
  } catch (error) {
    if (error instanceof SigningKeysError) return known;
    throw error;
  }
  if (read === 'absent') return known;
  const held = published(read.ring);
  const kids = new Set(held.map(({ kid }) => kid));
  if (known.every(({ kid }) => kids.has(kid))) {
    throw new SigningKeysError(path, 'it is not lost', 'Leave out --lost');
  }
  return [...held, ...known.filter(({ kid }) => !kids.has(kid))];
}
