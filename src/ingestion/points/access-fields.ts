import type { Acl } from '../../core/acl.ts';
import { AppError, type ErrorCode } from '../../core/errors.ts';
import { TRUSTS, type Trust } from '../../core/label.ts';
import { isLosslessObject } from '../../core/points/lossless.ts';
import type { LosslessJson, LosslessObject } from '../../core/points/raw-json.ts';
import type { HostedCollection } from '../../core/ports/collections.ts';
import { writtenAcl } from '../acl-body.ts';
import type { AclBody, AclEntryBody, DocumentBody } from '../types.ts';
import { fieldAt, isAbsent } from './payload-fields.ts';

export type AccessFields = Pick<DocumentBody, 'acl' | 'level' | 'compartments' | 'trust'>;

const MAX_NAME = 512;
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})$/;

/**
 * What a payload says of who may read the point and how it is labelled. Where it names no ACL it is the collection's; where there is none
 * either, `acl` is undefined. What is `said` beside it stands in its place, undefined too. Fails with `invalid_acl` or
 * `invalid_request`, pointers within the point.
 */
export function accessFields(
  payload: LosslessObject,
  { profile, defaultAcl }: Pick<HostedCollection, 'profile' | 'defaultAcl'>,
  said: Partial<AccessFields> = {},
): AccessFields {
  const at = (path: string | undefined): LosslessJson | undefined => {
    const value = path === undefined ? undefined : fieldAt(payload, path);
    return isAbsent(value) ? undefined : value;
  };
  const acl = at(profile.acl);
  const told = <K extends keyof AccessFields>(name: K, read: () => AccessFields[K]): AccessFields[K] =>
    Object.hasOwn(said, name) ? (said[name] as AccessFields[K]) : read();
  return {
    acl: told('acl', () => (acl === undefined ? byDefault(defaultAcl) : aclBody(acl, pointerOf(profile.acl)))),
    level: told('level', () => levelOf(at(profile.level), pointerOf(profile.level))),
    compartments: told('compartments', () => compartmentsOf(at(profile.compartments), pointerOf(profile.compartments))),
    trust: told('trust', () => trustOf(at(profile.trust), pointerOf(profile.trust))),
  };
}

/** Whether two payloads say the same of access. */
export function sameAccessFields(
  a: LosslessObject,
  b: LosslessObject,
  { acl, level, compartments, trust }: HostedCollection['profile'],
): boolean {
  return [acl, level, compartments, trust].every(
    (path) => path === undefined || JSON.stringify(fieldAt(a, path) ?? null) === JSON.stringify(fieldAt(b, path) ?? null),
  );
}

function byDefault(acl: HostedCollection['defaultAcl']): AclBody | undefined {
  return acl.kind === 'none' ? undefined : asWritten(acl.acl);
}

export function asWritten(acl: Acl): AclBody {
  return writtenAcl(acl);
}

function pointerOf(path: string | undefined): string {
  return `/payload/${(path ?? '').replaceAll('.', '/')}`;
}

/** A list is the one gate of an ACL. Anything that is not understood whole is refused: a deny that is overlooked fails open. */
function aclBody(value: LosslessJson, pointer: string): AclBody {
  if (Array.isArray(value)) return { allow: entries(value, pointer) };
  if (!isLosslessObject(value)) throw refusal('invalid_acl', pointer, 'must be an acl as {"allow": […]}, or a list of principals');
  const { allow, gates, deny, ...others } = value;
  const unknown = Object.keys(others).length > 0;
  if (unknown || (allow === undefined) === (gates === undefined)) {
    throw refusal('invalid_acl', pointer, 'must have allow or gates, and may have deny; nothing else');
  }
  const denied = deny === undefined ? {} : { deny: entries(deny, `${pointer}/deny`) };
  if (allow !== undefined) return { allow: entries(allow, `${pointer}/allow`), ...denied };
  if (!isList(gates)) throw refusal('invalid_acl', `${pointer}/gates`, 'must be a list of lists of principals');
  return { gates: gates.map((gate, index) => entries(gate, `${pointer}/gates/${index}`)), ...denied };
}

function entries(value: LosslessJson, pointer: string): readonly AclEntryBody[] {
  if (!isList(value)) throw refusal('invalid_acl', pointer, 'must be a list of principals');
  return value.map((item, index) => entry(item, `${pointer}/${index}`));
}

function entry(value: LosslessJson, pointer: string): AclEntryBody {
  if (isName(value)) return value;
  if (isLosslessObject(value)) {
    const { principal, from, until, ...others } = value;
    if (isName(principal) && isInstant(from) && isInstant(until) && Object.keys(others).length === 0) return { principal, from, until };
  }
  throw refusal('invalid_acl', pointer, 'must be a principal, or {principal, from, until} with times in ISO 8601 with their offset');
}

function isName(value: LosslessJson | undefined): value is string {
  return typeof value === 'string' && value.length <= MAX_NAME;
}

function isInstant(value: LosslessJson | undefined): value is string | undefined {
  return value === undefined || (typeof value === 'string' && INSTANT.test(value));
}

function isList(value: LosslessJson | undefined): value is readonly LosslessJson[] {
  return Array.isArray(value);
}

function levelOf(value: LosslessJson | undefined, pointer: string): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  throw refusal('invalid_request', pointer, 'must be the name of a level');
}

function compartmentsOf(value: LosslessJson | undefined, pointer: string): readonly string[] | undefined {
  if (value === undefined) return undefined;
  if (isList(value) && value.every((name) => typeof name === 'string')) return value;
  throw refusal('invalid_request', pointer, 'must be a list of compartments');
}

function trustOf(value: LosslessJson | undefined, pointer: string): Trust | undefined {
  if (value === undefined) return undefined;
  const trust = TRUSTS.find((name) => name === value);
  if (trust !== undefined) return trust;
  throw refusal('invalid_request', pointer, `must be one of: ${TRUSTS.join(', ')}`);
}

function refusal(code: ErrorCode, pointer: string, message: string): AppError {
  return new AppError(code, { issues: [{ pointer, message }] });
}
