import { createHash } from 'node:crypto';
import { errors, jwtVerify } from 'jose';
import { sha256Hex } from '../core/digest.ts';
import { AppError } from '../core/errors.ts';
import { type OnceGuard, type Possession, isAsymmetricAlgorithm } from '../core/ports/identity.ts';
import type { Confirmation } from './confirmation.ts';
import { invalidProof, invalidToken } from './failures.ts';
import { publicKeyOf } from './key-set.ts';
import { PROOF_AGE_SECONDS } from './limits.ts';
import type { Members } from './strict-json.ts';
import { takeApart, type UnverifiedToken } from './token-shape.ts';

const PROOF_TYPE = 'dpop+jwt';
const MAX_JTI_LENGTH = 512;
const UNRESERVED = /^[A-Za-z0-9\-._~]$/;

export interface ProofContext {
  readonly token: string;
  readonly once: OnceGuard;
  /** Asked once everything else holds: whether its sender may go on. */
  readonly admit?: () => Promise<void>;
  readonly skewSeconds: number;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/**
 * Holds a token and the way it was sent against each other: a bound one needs its proof, an unbound one must not pretend
 * (RFC 9449 §7.1, §7.2, §11.9). Fails with `invalid_token` or `invalid_dpop_proof`.
 */
export async function checkPossession(
  confirmation: Confirmation,
  possession: Possession | undefined,
  context: ProofContext,
): Promise<void> {
  if (confirmation.kind === 'none') {
    if (possession !== undefined) throw invalidToken('a token without a key, sent as if it had one');
    return;
  }
  if (possession === undefined) throw invalidToken('a bound token, sent without its proof');
  await checkProof(confirmation.thumbprint, possession, context);
}

/** The checks of RFC 9449 §4.3. The use is noted last, so that only a proof that holds takes up room. */
async function checkProof(thumbprint: string, possession: Possession, context: ProofContext): Promise<void> {
  const { proof, method, url } = possession;
  const unverified = takeProofApart(proof);
  const signer = await publicKeyOf(unverified.embeddedKey, unverified.algorithm);
  if (signer === undefined) throw invalidProof('no public key that can be used');
  if (signer.thumbprint !== thumbprint) throw invalidProof('another key than the token is bound to');
  try {
    await jwtVerify(proof, signer.key, {
      algorithms: [unverified.algorithm],
      requiredClaims: ['jti', 'htm', 'htu', 'iat', 'ath'],
      clockTolerance: context.skewSeconds,
      currentDate: new Date(context.now),
    });
  } catch (error) {
    // jose hangs the payload on its errors, so neither error nor cause is kept.
    throw invalidProof(error instanceof errors.JOSEError ? error.code : 'the signature could not be checked');
  }
  const { claims } = unverified;
  if (claims.get('htm') !== method) throw invalidProof('made for another method');
  if (!isSameTarget(claims.get('htu'), url)) throw invalidProof('made for another address');
  if (claims.get('ath') !== createHash('sha256').update(context.token).digest('base64url')) throw invalidProof('made for another token');
  const until = freshUntil(claims, context);
  // Before the write: whoever is over their limit must not go on writing to the database that everybody waits for.
  await context.admit?.();
  const key = sha256Hex(`dpop\n${thumbprint}\n${jtiOf(claims)}`);
  if (!(await context.once.useOnce(key, until))) throw invalidProof('used before');
}

function takeProofApart(proof: string): UnverifiedToken {
  let unverified: UnverifiedToken;
  try {
    unverified = takeApart(proof, 'proof');
  } catch (error) {
    throw invalidProof(error instanceof AppError ? error.message : 'not a proof');
  }
  if (unverified.type !== PROOF_TYPE) throw invalidProof('another type');
  if (!isAsymmetricAlgorithm(unverified.algorithm)) throw invalidProof('an algorithm that is not allowed');
  return unverified;
}

function jtiOf(claims: Members): string {
  const jti = claims.get('jti');
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI_LENGTH) throw invalidProof('a jti that is none');
  return jti;
}

/** Seconds since 1970 at which the proof would be too old in any case, and its use may be forgotten. */
function freshUntil(claims: Members, { now, skewSeconds }: ProofContext): number {
  const issued = claims.get('iat');
  const at = now / 1_000;
  if (typeof issued !== 'number' || !Number.isFinite(issued)) throw invalidProof('an iat that is none');
  if (issued > at + skewSeconds || issued < at - skewSeconds - PROOF_AGE_SECONDS) throw invalidProof('too old, or of the future');
  // Twice the skew: the store forgets on the database's clock.
  return Math.ceil(issued + PROOF_AGE_SECONDS + 2 * skewSeconds + 1);
}

/**
 * Syntax-based normalisation of both (§4.3; RFC 3986 §6.2.2): case of scheme and host, default port, percent-encoding. Dot segments
 * are taken out of the claim alone: a request whose path holds some has no proof, since a router may read it as another path.
 */
function isSameTarget(claimed: unknown, url: string): boolean {
  if (typeof claimed !== 'string' || !URL.canParse(claimed)) return false;
  const theirs = new URL(claimed);
  const [, origin = '', path = ''] = /^([a-z]+:\/\/[^/?#]*)([^?#]*)/i.exec(url) ?? [];
  if (!URL.canParse(origin) || theirs.username !== '' || theirs.password !== '') return false;
  return theirs.origin === new URL(origin).origin && encoded(theirs.pathname) === encoded(path === '' ? '/' : path);
}

function encoded(path: string): string {
  return path.replaceAll(/%[0-9a-f]{2}/gi, (escape) => {
    const char = String.fromCharCode(Number.parseInt(escape.slice(1), 16));
    return UNRESERVED.test(char) ? char : escape.toUpperCase();
  });
}
