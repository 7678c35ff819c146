import { invalidToken } from './failures.ts';
import { MAX_PROOF_LENGTH, MAX_TOKEN_LENGTH } from './limits.ts';
import { type Members, parseStrictObject } from './strict-json.ts';

/** A compact JWS taken apart, with nothing in it verified yet. */
export interface UnverifiedToken {
  readonly algorithm: string;
  readonly keyId: string | undefined;
  /** Lower case, without `application/`; empty where the header has none. */
  readonly type: string;
  readonly claims: Members;
  /** The `jwk` header of a proof; undefined otherwise. */
  readonly embeddedKey: unknown;
}

const MAX_KEY_ID_LENGTH = 256;
const BASE64URL = /^[A-Za-z0-9_-]+$/;
/**
 * Headers that bring or point to a key (RFC 8725 §3.5 and CVE-2018-0114: the attacker's own), and `crit`, since no
 * extension is understood here (RFC 7515 §4.1.11).
 */
const REFUSED_HEADERS = ['jku', 'x5u', 'x5c', 'crit', 'b64', 'enc', 'zip'] as const;

/**
 * Fails with `invalid_token` for anything that is not one well-formed, signed, compact JWS of JSON within the length limit. Only a
 * proof of possession brings its own key (RFC 9449 §4.2), and it must.
 */
export function takeApart(token: string, use: 'token' | 'proof' = 'token'): UnverifiedToken {
  if (token.length > (use === 'proof' ? MAX_PROOF_LENGTH : MAX_TOKEN_LENGTH)) throw invalidToken('longer than the limit');
  const parts = token.split('.', 6);
  const [header, payload, signature] = parts;
  if (parts.length !== 3 || header === undefined || payload === undefined || signature === undefined) {
    throw invalidToken('not a compact JWS');
  }
  decode(signature);
  const headers = parseStrictObject(decode(header));
  if (REFUSED_HEADERS.some((name) => headers.has(name))) throw invalidToken('a header that is never accepted');
  if (headers.has('jwk') !== (use === 'proof')) throw invalidToken('a key of its own, or a proof without one');
  return {
    algorithm: text(headers.get('alg')),
    keyId: keyIdOf(headers),
    type: typeOf(headers),
    claims: parseStrictObject(decode(payload)),
    embeddedKey: headers.get('jwk'),
  };
}

/** Strict base64url without padding: one token has one spelling, so its digest is a sound cache key. */
function decode(part: string): Uint8Array {
  if (!BASE64URL.test(part)) throw invalidToken('not base64url');
  const bytes = Buffer.from(part, 'base64url');
  if (bytes.toString('base64url') !== part) throw invalidToken('not canonical base64url');
  return bytes;
}

function text(value: unknown): string {
  if (typeof value !== 'string' || value === '') throw invalidToken('a header of the wrong type');
  return value;
}

function keyIdOf(headers: Members): string | undefined {
  if (!headers.has('kid')) return undefined;
  const kid = text(headers.get('kid'));
  if (kid.length > MAX_KEY_ID_LENGTH) throw invalidToken('a key id longer than the limit');
  return kid;
}

function typeOf(headers: Members): string {
  return headers.has('typ') ? normaliseType(text(headers.get('typ'))) : '';
}

export function normaliseType(type: string): string {
  return type.toLowerCase().replace(/^application\//, '');
}
