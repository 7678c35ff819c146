import type { ErrorCode } from '../../core/errors.ts';
import { ASYMMETRIC_ALGORITHMS, type DpopRule } from '../../core/ports/identity.ts';

export interface ChallengeContext {
  readonly metadataUrl: string;
  readonly scope: string | undefined;
  readonly dpop: DpopRule;
  /** What a client without a token is told to ask for; for clients that know this service by its metadata alone. */
  readonly hint?: string | undefined;
  /** The scheme that the request used. */
  readonly sent: 'Bearer' | 'DPoP';
}

const ALGORITHMS = `algs="${ASYMMETRIC_ALGORITHMS.join(' ')}"`;

/**
 * RFC 6750 section 3 and RFC 9449 section 7.1, with the parameter of RFC 9728 section 5.1: no `error` where no credentials came, so
 * that a client that did not try is told only where to get a token. The error stands at the scheme that was tried; where a token
 * was refused as `Bearer`, the other scheme is named beside it, since it may be one that needs a proof (RFC 9449 section 7.2).
 */
export function challengeFor(code: ErrorCode, { metadataUrl, scope, dpop, sent, hint }: ChallengeContext): string | undefined {
  const metadata = `resource_metadata="${metadataUrl}"${hint === undefined ? '' : `, scope="${hint}"`}`;
  const bearer = `Bearer ${metadata}`;
  const proof = `DPoP ${metadata}, ${ALGORITHMS}`;
  const tried = sent === 'DPoP' && dpop !== 'refused' ? proof : bearer;
  const alternative = tried === bearer && dpop !== 'refused' ? `, DPoP ${ALGORITHMS}` : '';
  switch (code) {
    case 'missing_token':
      return dpop === 'required' ? proof : `${bearer}${alternative}`;
    case 'invalid_token':
      return `${tried}, error="invalid_token"${alternative}`;
    case 'invalid_dpop_proof':
      return `${proof}, error="invalid_dpop_proof"`;
    case 'insufficient_scope':
      return `${tried}, error="insufficient_scope"${scope === undefined ? '' : `, scope="${scope}"`}`;
    default:
      return undefined;
  }
}
