import { aclCharacters, MAX_ACL_CHARACTERS, MAX_ACL_ENTRIES, MAX_GATES, normaliseAcl, type Acl } from '../core/acl.ts';
import { AppError, type InputIssue } from '../core/errors.ts';
import { principalParts, qualifyPrincipal, type Principal } from '../core/principal.ts';
import type { AclBody } from './types.ts';

export interface ReadAcl {
  readonly acl: Acl;
  /** Principals in grants that match nobody, by place. */
  readonly warnings: readonly InputIssue[];
  /** A deny names somebody unknown: it would fail open, so the document is quarantined until an owner releases it. */
  readonly dangling: boolean;
}

const NO_GROUPS = 'names a group of an issuer whose tokens name no groups; it matches nobody';
const UNKNOWN_ISSUER = 'names an issuer that is not configured; it matches nobody';

/**
 * An ACL as written to one as stored. Fails with `acl_required`, `invalid_acl` (a text that can name nobody) or
 * `limit_exceeded`. `groupless` are issuers whose tokens name no groups: a deny on one of their groups would reach nobody.
 */
export function readAcl(body: AclBody | undefined, issuers: readonly string[], groupless: readonly string[] = []): ReadAcl {
  if (body === undefined) throw new AppError('acl_required', { issues: [{ pointer: '/acl', message: 'is required' }] });
  const gates = 'allow' in body ? [{ pointer: '/acl/allow', names: body.allow }] : namedGates(body.gates);
  const deny = { pointer: '/acl/deny', names: body.deny ?? [] };
  checkLimits(gates, deny);
  const acl = normaliseAcl({ gates: gates.map((list) => principals(list, issuers)), deny: principals(deny, issuers) });
  if (aclCharacters(acl) > MAX_ACL_CHARACTERS) {
    throw new AppError('limit_exceeded', {
      issues: [{ pointer: '/acl', message: `at most ${MAX_ACL_CHARACTERS} characters in all entries` }],
    });
  }
  const warnings = gates.flatMap((list) => unknownPlaces(list, issuers, groupless));
  const dangling = unknownPlaces(deny, issuers, groupless);
  return { acl, warnings: [...warnings, ...dangling], dangling: dangling.length > 0 };
}

interface NamedList {
  readonly pointer: string;
  readonly names: readonly string[];
}

function namedGates(gates: readonly (readonly string[])[]): readonly NamedList[] {
  return gates.map((names, index) => ({ pointer: `/acl/gates/${index}`, names }));
}

function checkLimits(gates: readonly NamedList[], deny: NamedList): void {
  const entries = gates.reduce((sum, { names }) => sum + names.length, deny.names.length);
  const issues: InputIssue[] = [];
  if (gates.length > MAX_GATES) issues.push({ pointer: '/acl/gates', message: `at most ${MAX_GATES} gates` });
  if (entries > MAX_ACL_ENTRIES) issues.push({ pointer: '/acl', message: `at most ${MAX_ACL_ENTRIES} entries` });
  if (issues.length > 0) throw new AppError('limit_exceeded', { issues });
}

function principals(list: NamedList, issuers: readonly string[]): readonly Principal[] {
  return list.names.map((name, index) => {
    const found = qualifyPrincipal(name, issuers);
    if (found !== undefined) return found;
    const message = 'must be everyone, everyone-except-guests, or user:, group: or client: with <issuer>|<id>';
    throw new AppError('invalid_acl', { issues: [{ pointer: `${list.pointer}/${index}`, message }] });
  });
}

function unknownPlaces(list: NamedList, issuers: readonly string[], groupless: readonly string[]): readonly InputIssue[] {
  return list.names.flatMap((name, index) => {
    const found = qualifyPrincipal(name, issuers);
    const parts = found === undefined ? undefined : principalParts(found);
    if (parts === undefined) return [];
    const pointer = `${list.pointer}/${index}`;
    if (!issuers.includes(parts.issuer)) return [{ pointer, message: UNKNOWN_ISSUER }];
    return parts.kind === 'group' && groupless.includes(parts.issuer) ? [{ pointer, message: NO_GROUPS }] : [];
  });
}
