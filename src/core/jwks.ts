import { keyId, PUBLIC_KEY_BYTES } from './ed25519.ts';
import { isRecord } from './json.ts';
import type { PublishedKey } from './ports/signing.ts';

/** A key as a key set shows it (RFC 7517, RFC 8037). `since` and `retired`: ISO 8601, between which it signed. */
export interface PublicJwk {
  readonly kty: 'OKP';
  readonly crv: 'Ed25519';
  readonly x: string;
  readonly kid: string;
  readonly use: 'sig';
  readonly alg: 'EdDSA';
  readonly since: string;
  readonly retired?: string;
}

export function jwkOf({ kid, publicKey, since, retired }: PublishedKey): PublicJwk {
  const x = Buffer.from(publicKey).toString('base64url');
  return { kty: 'OKP', crv: 'Ed25519', x, kid, use: 'sig', alg: 'EdDSA', since, ...(retired === undefined ? {} : { retired }) };
}

/** A key to verify with; where its set does not say when it signed, it counts for any time. */
export interface TrustedKey {
  readonly kid: string;
  readonly publicKey: Uint8Array;
  /** Milliseconds. */
  readonly since?: number;
  readonly retired?: number;
}

/**
 * The Ed25519 keys of a key set, under thumbprints computed here: what a set calls a key is not believed. Keys of other kinds are passed
 * over, as RFC 7517 section 5 says; undefined where it is no key set, or an Ed25519 key of it is malformed.
 */
export function parseKeySet(value: unknown): readonly TrustedKey[] | undefined {
  if (!isRecord(value) || !Array.isArray(value['keys'])) return undefined;
  const keys: TrustedKey[] = [];
  for (const entry of value['keys'] as readonly unknown[]) {
    if (!isRecord(entry)) return undefined;
    if (entry['kty'] !== 'OKP' || entry['crv'] !== 'Ed25519') continue;
    const { x, since, retired } = entry;
    const publicKey = new Uint8Array(Buffer.from(typeof x === 'string' ? x : '', 'base64url'));
    if (publicKey.length !== PUBLIC_KEY_BYTES) return undefined;
    const times = { since: momentOf(since), retired: momentOf(retired) };
    if (Number.isNaN(times.since) || Number.isNaN(times.retired)) return undefined;
    const said = Object.fromEntries(Object.entries(times).filter(([, at]) => at !== undefined));
    keys.push({ kid: keyId(publicKey), publicKey, ...said });
  }
  return keys;
}

/** NaN where it is there and no moment. */
function momentOf(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  return typeof value === 'string' ? Date.parse(value) : Number.NaN;
}
