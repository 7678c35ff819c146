import { aclCharacters, MAX_ACL_CHARACTERS, MAX_ACL_ENTRIES, MAX_GATES, normaliseAcl, type Acl } from '../core/acl.ts';
import { entryPrincipal, entrySpan, isTimed, type AclEntry } from '../core/acl-entry.ts';
import { AppError, type InputIssue } from '../core/errors.ts';
import { principalParts, qualifyPrincipal, type Principal } from '../core/principal.ts';
import { readInstant } from './label-body.ts';
import type { AclBody, AclEntryBody } from './types.ts';

export interface ReadAcl {
  readonly acl: Acl;
  /** Principals in grants that match nobody, by place. */
  readonly warnings: readonly InputIssue[];
  /** Denied principals that nobody is known to be. A deny of them fails open, so with any the document is quarantined. */
  readonly dangling: readonly Principal[];
}

const NO_GROUPS = 'names a group of an issuer whose tokens name no groups; it matches nobody';
const NOT_IN_DIRECTORY = 'names nobody in the directory; it matches nobody until it is there';
const NOBODY: ReadonlySet<Principal> = new Set();
const UNKNOWN_ISSUER = 'names an issuer that is not configured; it matches nobody';

/**
 * An ACL as written to one as stored. Fails with `acl_required`, `invalid_acl` (a text that can name nobody) or
 * `limit_exceeded`. `groupless` are issuers whose tokens name no groups: a deny on one of their groups would reach nobody.
 * `unknown` are principals that a directory of ours should hold and does not.
 */
export function readAcl(
  body: AclBody | undefined,
  issuers: readonly string[],
  groupless: readonly string[] = [],
  unknown: ReadonlySet<Principal> = NOBODY,
): ReadAcl {
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
  const warnings = [...gates, deny].flatMap((list) => unknownPlaces(list, issuers, groupless, unknown));
  return { acl, warnings, dangling: danglingDenies(acl, issuers, groupless, unknown) };
}

/** Of an ACL as stored, what `readAcl` tells of one as written. */
export function danglingDenies(
  acl: Acl,
  issuers: readonly string[],
  groupless: readonly string[],
  unknown: ReadonlySet<Principal> = NOBODY,
): readonly Principal[] {
  return [...new Set(acl.deny.map(entryPrincipal))].filter((p) => whyUnknown(p, issuers, groupless, unknown) !== undefined);
}

/** An ACL as stored to one as written. */
export function writtenAcl(acl: Acl): { readonly gates: readonly (readonly AclEntryBody[])[]; readonly deny: readonly AclEntryBody[] } {
  return { gates: acl.gates.map((gate) => gate.map(writtenEntry)), deny: acl.deny.map(writtenEntry) };
}

function writtenEntry(entry: AclEntry): AclEntryBody {
  if (!isTimed(entry)) return entry;
  const { principal, from, until } = entry;
  return {
    principal,
    ...(from === undefined ? {} : { from: new Date(from).toISOString() }),
    ...(until === undefined ? {} : { until: new Date(until).toISOString() }),
  };
}

interface NamedList {
  readonly pointer: string;
  readonly names: readonly AclEntryBody[];
}

function namedGates(gates: readonly (readonly AclEntryBody[])[]): readonly NamedList[] {
  return gates.map((names, index) => ({ pointer: `/acl/gates/${index}`, names }));
}

function checkLimits(gates: readonly NamedList[], deny: NamedList): void {
  const entries = gates.reduce((sum, { names }) => sum + names.length, deny.names.length);
  const issues: InputIssue[] = [];
  if (gates.length > MAX_GATES) issues.push({ pointer: '/acl/gates', message: `at most ${MAX_GATES} gates` });
  if (entries > MAX_ACL_ENTRIES) issues.push({ pointer: '/acl', message: `at most ${MAX_ACL_ENTRIES} entries` });
  if (issues.length > 0) throw new AppError('limit_exceeded', { issues });
}

function principals(list: NamedList, issuers: readonly string[]): readonly AclEntry[] {
  return list.names.map((written, index) => {
    const pointer = `${list.pointer}/${index}`;
    const found = qualifyPrincipal(nameOf(written), issuers);
    if (found !== undefined) return typeof written === 'string' ? found : bounded(found, written, pointer);
    const message = 'must be everyone, everyone-except-guests, or user:, group: or client: with <issuer>|<id>';
    throw new AppError('invalid_acl', { issues: [{ pointer, message }] });
  });
}

function nameOf(entry: AclEntryBody): string {
  return typeof entry === 'string' ? entry : entry.principal;
}

function bounded(principal: Principal, written: Exclude<AclEntryBody, string>, pointer: string): AclEntry {
  const from = written.from === undefined ? undefined : readInstant(`${pointer}/from`, written.from);
  const until = written.until === undefined ? undefined : readInstant(`${pointer}/until`, written.until);
  if (from === undefined && until === undefined) return principal;
  const entry = { principal, ...(from === undefined ? {} : { from }), ...(until === undefined ? {} : { until }) };
  const span = entrySpan(entry);
  if (span.from < span.until) return entry;
  throw new AppError('invalid_acl', { issues: [{ pointer: `${pointer}/until`, message: 'must be after from' }] });
}

function unknownPlaces(
  list: NamedList,
  issuers: readonly string[],
  groupless: readonly string[],
  unknown: ReadonlySet<Principal>,
): readonly InputIssue[] {
  return list.names.flatMap((written, index) => {
    const found = qualifyPrincipal(nameOf(written), issuers);
    const message = found === undefined ? undefined : whyUnknown(found, issuers, groupless, unknown);
    return message === undefined ? [] : [{ pointer: `${list.pointer}/${index}`, message }];
  });
}

/** Why nobody is known to be this principal; undefined where somebody may be. */
function whyUnknown(
  p: Principal,
  issuers: readonly string[],
  groupless: readonly string[],
  unknown: ReadonlySet<Principal>,
): string | undefined {
  const parts = principalParts(p);
  if (parts === undefined) return undefined;
  if (!issuers.includes(parts.issuer)) return UNKNOWN_ISSUER;
  if (unknown.has(p)) return NOT_IN_DIRECTORY;
  return parts.kind === 'group' && groupless.includes(parts.issuer) ? NO_GROUPS : undefined;
}
