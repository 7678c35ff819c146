import { AppError } from '../core/errors.ts';

/** Details are fixed texts: nothing of the token, its header or its claims may reach a log. */
export function invalidToken(detail: string): AppError {
  return new AppError('invalid_token', { detail });
}

export function invalidProof(detail: string): AppError {
  return new AppError('invalid_dpop_proof', { detail });
}

export function invalidLogoutToken(detail: string): AppError {
  return new AppError('invalid_logout_token', { detail });
}

export function groupsIncomplete(detail: string): AppError {
  return new AppError('groups_incomplete', { detail });
}

export function issuerUnavailable(issuer: string, detail: string): AppError {
  return new AppError('issuer_unavailable', { detail: `${issuer}: ${detail}`, retryAfter: 5 });
}
