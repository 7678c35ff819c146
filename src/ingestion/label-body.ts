import type { Validity } from '../core/acl.ts';
import { AppError, type InputIssue } from '../core/errors.ts';
import {
  COMPARTMENT,
  MAX_COMPARTMENTS,
  neutralLabel,
  sortedUnique,
  type Label,
  type LabelScheme,
  type Level,
  type Trust,
} from '../core/label.ts';

export interface LabelBody {
  readonly level?: string | undefined;
  readonly compartments?: readonly string[] | undefined;
  readonly trust?: Trust | undefined;
}

/** Fields that are absent keep what `base` says. Fails with `unknown_level`, `limit_exceeded` or `invalid_request`. */
export function readLabel(scheme: LabelScheme, body: LabelBody, base: Label = neutralLabel(scheme)): Label {
  return {
    level: body.level === undefined ? base.level : readLevel(scheme, body.level),
    compartments: body.compartments === undefined ? base.compartments : readCompartments(body.compartments),
    trust: body.trust ?? base.trust,
  };
}

function readLevel(scheme: LabelScheme, name: string): Level {
  const level = scheme.parse(name);
  if (level !== undefined) return level;
  throw new AppError('unknown_level', { issues: [{ pointer: '/level', message: `must be one of: ${scheme.levels.join(', ')}` }] });
}

function readCompartments(names: readonly string[]): readonly string[] {
  const wrong: InputIssue[] = names.flatMap((name, index) =>
    COMPARTMENT.test(name) ? [] : [{ pointer: `/compartments/${index}`, message: 'lower-case letters, digits and hyphens' }],
  );
  if (wrong.length > 0) throw new AppError('invalid_request', { issues: wrong });
  const compartments = sortedUnique(names);
  if (compartments.length <= MAX_COMPARTMENTS) return compartments;
  throw new AppError('limit_exceeded', { issues: [{ pointer: '/compartments', message: `at most ${MAX_COMPARTMENTS}` }] });
}

/** Seconds since 1970 of an ISO 8601 text. Fails with `invalid_request`. */
export function readTime(pointer: string, text: string): number {
  return Math.floor(readInstant(pointer, text) / 1000);
}

/** Milliseconds since 1970 of an ISO 8601 text. Fails with `invalid_request`. */
export function readInstant(pointer: string, text: string): number {
  const at = Date.parse(text);
  if (Number.isFinite(at)) return at;
  throw new AppError('invalid_request', { issues: [{ pointer, message: 'must be a time in ISO 8601 with its offset' }] });
}

/**
 * `null` clears a bound, absence keeps what `base` says. Fails with `invalid_request` where the body leaves nothing between its own
 * bounds. Against a bound that it does not name nothing is checked: a refusal would tell a writer who may not see it where it is.
 * Nothing is then left between, and nobody reads the document.
 */
export function readValidity(
  body: { readonly validFrom?: string | null | undefined; readonly validUntil?: string | null | undefined },
  base: Validity = { validFrom: 'always', validUntil: 'forever' },
): Validity {
  const validFrom =
    body.validFrom === undefined ? base.validFrom : body.validFrom === null ? 'always' : readTime('/validFrom', body.validFrom);
  const validUntil =
    body.validUntil === undefined ? base.validUntil : body.validUntil === null ? 'forever' : readTime('/validUntil', body.validUntil);
  const own = typeof body.validFrom === 'string' && typeof body.validUntil === 'string';
  if (own && validFrom !== 'always' && validUntil !== 'forever' && validUntil <= validFrom) {
    throw new AppError('invalid_request', { issues: [{ pointer: '/validUntil', message: 'must be after validFrom' }] });
  }
  return { validFrom, validUntil };
}
