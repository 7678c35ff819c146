import { keyId, PUBLIC_KEY_BYTES } from '../core/ed25519.ts';
import { isRecord } from '../core/json.ts';
import type { PublishedKey } from '../core/ports/signing.ts';
import { privateKeyOf, publicPart, seedOf, type KeyRing, type RingKey } from './key-ring.ts';

const FORMAT = 'sluice-signing-keys/v1';
const SEED_BYTES = 32;
const MAX_KEYS = 1_000;
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** The keys cannot be used, and what to do about it. Never quotes the file: it holds private keys. */
export class SigningKeysError extends Error {
  constructor(path: string, reason: string, remedy: string = RESTORE) {
    super(`the signing keys in ${path} cannot be used: ${reason}. ${remedy}`);
    this.name = 'SigningKeysError';
  }
}

const RESTORE =
  'Put the file back from a backup; if it is lost, "sluice admin rotate-key --lost" makes a new one, and what was signed before can ' +
  'still be verified';

/** `missing` have signed in this deployment, and the file does not have them. */
export function lackingKeys(path: string, missing: readonly PublishedKey[]): SigningKeysError {
  return new SigningKeysError(
    path,
    `it lacks ${missing.map(({ kid, since }) => `${kid} of ${since}`).join(', ')}, which this deployment has signed with`,
    'All replicas need the same file: copy it from the one that has it, or put it back from a backup. If it is lost everywhere, ' +
      '"sluice admin rotate-key --lost" makes a new one, and what was signed before can still be verified',
  );
}

function unusable(path: string, reason: string): SigningKeysError {
  return new SigningKeysError(path, reason);
}

export function ringText(ring: KeyRing): string {
  const keys = [ring.current, ...ring.retired].map((key) => ({
    kid: key.kid,
    kty: 'OKP',
    crv: 'Ed25519',
    x: Buffer.from(key.publicKey).toString('base64url'),
    ...(key.privateKey === undefined ? {} : { d: seedOf(key.privateKey) }),
    since: key.since,
    ...(key.retired === undefined ? {} : { retired: key.retired }),
  }));
  return `${JSON.stringify({ format: FORMAT, keys }, undefined, 2)}\n`;
}

/** Every key is computed again: a ring that holds a flipped bit is refused whole. Throws a SigningKeysError. */
export function parseRing(path: string, text: string): KeyRing {
  const keys = listed(path, text).map((entry, index) => keyOf(path, entry, index));
  if (new Set(keys.map(({ kid }) => kid)).size !== keys.length) throw unusable(path, 'a key stands in it twice');
  const [current, ...others] = keys;
  if (current?.privateKey === undefined || current.retired !== undefined) {
    throw unusable(path, 'its first key has to be in force and have its private part');
  }
  const retired = others.map((key) => {
    if (key.retired === undefined) throw unusable(path, 'more than one key is in force');
    return { ...key, retired: key.retired };
  });
  return { current: { ...current, privateKey: current.privateKey }, retired };
}

function listed(path: string, text: string): readonly unknown[] {
  let whole: unknown;
  try {
    whole = JSON.parse(text);
  } catch {
    // Not the parser's message, which quotes what it read.
    throw unusable(path, 'it is not well-formed JSON; it may be half of a file');
  }
  if (!isRecord(whole) || whole['format'] !== FORMAT) throw unusable(path, `it is not of the format ${FORMAT}`);
  const { keys } = whole;
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > MAX_KEYS) throw unusable(path, `it needs 1 to ${MAX_KEYS} keys`);
  return keys;
}

function keyOf(path: string, entry: unknown, index: number): RingKey {
  const wrong = (what: string): SigningKeysError => unusable(path, `${what} of key ${index + 1} is wrong`);
  if (!isRecord(entry)) throw wrong('the form');
  const { kid, kty, crv, x, d, since, retired } = entry;
  if (kty !== 'OKP' || crv !== 'Ed25519') throw wrong('the type');
  const publicKey = bytesOf(x, PUBLIC_KEY_BYTES);
  if (publicKey === undefined) throw wrong('x');
  if (kid !== keyId(publicKey)) throw wrong('the id');
  if (!isMoment(since) || (retired !== undefined && !isMoment(retired))) throw wrong('a time');
  const key = { kid, publicKey, since, ...(retired === undefined ? {} : { retired }) };
  if (d === undefined) return key;
  const seed = bytesOf(d, SEED_BYTES);
  if (seed === undefined) throw wrong('d');
  try {
    const privateKey = privateKeyOf(seed, publicKey);
    if (publicPart(privateKey).kid === kid) return { ...key, privateKey };
  } catch {
    // Whatever it says may quote the key.
  }
  throw wrong('d');
}

function isMoment(value: unknown): value is string {
  return typeof value === 'string' && ISO.test(value) && !Number.isNaN(Date.parse(value));
}

function bytesOf(value: unknown, length: number): Uint8Array | undefined {
  if (typeof value !== 'string') return undefined;
  const bytes = Buffer.from(value, 'base64url');
  // base64url has several spellings of one value; only the one that we write is taken.
  return bytes.length === length && bytes.toString('base64url') === value ? new Uint8Array(bytes) : undefined;
}
