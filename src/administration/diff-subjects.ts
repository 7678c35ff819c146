import type { Caller } from '../core/caller.ts';
import { AppError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import type { PolicyRevision } from '../core/policy-lines.ts';
import type { EpochStamp, ReadCatalog } from '../core/ports/catalog.ts';
import type { DirectoryCatalog } from '../core/ports/directory.ts';
import type { Party } from '../core/ports/explain.ts';
import type { IssuerSummary } from '../core/ports/identity.ts';
import { EVERYONE, EVERYONE_EXCEPT_GUESTS, parsePrincipal, principalParts, type Principal } from '../core/principal.ts';
import type { AclSubjectBounds } from './acl-stages.ts';
import { builtIn } from './described-caller.ts';
import { createPace } from './pace.ts';

/**
 * Somebody whose reading is compared. `user`: a person with the groups that are known of them. `group`: somebody in this group and
 * no other, who is no guest. `everyone`: a guest in no group. `client`: what may leave through it, whoever asks.
 */
export interface DiffSubject {
  readonly principal: Principal;
  readonly kind: 'user' | 'group' | 'everyone' | 'client';
  /** `unknown`: their groups live in tokens. What depends on them is told as unclear. */
  readonly memberships: 'directory' | 'issuer-names-none' | 'unknown' | 'itself';
  readonly party: Party;
  readonly acl: AclSubjectBounds;
}

/** Beyond this many principals: name some of them. */
export const MAX_SUBJECTS = 20_000;
const DIRECTORY_PAGE = 1_000;

export interface SubjectParts {
  readonly catalog: ReadCatalog & Pick<DirectoryCatalog, 'directoryUsers'>;
  readonly issuers: readonly IssuerSummary[];
}

/** Names of policy lines that are principals; roles are not. */
export function policyPrincipals(revisions: readonly PolicyRevision[]): readonly Principal[] {
  return revisions.flatMap(({ lines }) => lines.flatMap(({ columns }) => parsePrincipal(columns[0] ?? '') ?? []));
}

export async function directoryPrincipals({ catalog, issuers }: SubjectParts, tenant: TenantId): Promise<readonly Principal[]> {
  const found: Principal[] = [];
  for (const { name, groups } of issuers) {
    if (groups !== 'directory') continue;
    for (let offset = 0; ; offset += DIRECTORY_PAGE) {
      const { total, entries } = await catalog.directoryUsers(tenant, name, { kind: 'active', value: true }, offset, DIRECTORY_PAGE);
      if (found.length + total > MAX_SUBJECTS) throw tooMany();
      found.push(...entries.map(({ principal }) => principal));
      if (offset + DIRECTORY_PAGE >= total) break;
    }
  }
  return found;
}

export function tooMany(): AppError {
  const message = `more than ${MAX_SUBJECTS} principals; name those to compare in principals`;
  return new AppError('limit_exceeded', { issues: [{ pointer: '/principals', message }] });
}

/** In order of their names. People whom the directory does not know or has deactivated are left out: they read nothing. */
export async function diffSubjects(
  parts: SubjectParts,
  asking: Caller,
  stamp: EpochStamp,
  principals: ReadonlySet<Principal>,
  through: Principal | undefined,
  signal: AbortSignal,
): Promise<readonly DiffSubject[]> {
  if (principals.size > MAX_SUBJECTS) throw tooMany();
  const pace = createPace(signal);
  const subjects: DiffSubject[] = [];
  for (const principal of [...principals].sort()) {
    const subject = await subjectOf(parts, asking, stamp, principal, through);
    if (subject !== undefined) subjects.push(subject);
    await pace();
  }
  return subjects;
}

async function subjectOf(
  parts: SubjectParts,
  asking: Caller,
  stamp: EpochStamp,
  principal: Principal,
  through: Principal | undefined,
): Promise<DiffSubject | undefined> {
  const { tenant } = asking;
  const people = (
    kind: DiffSubject['kind'],
    memberships: DiffSubject['memberships'],
    held: readonly Principal[],
    unknownOf = '',
  ): DiffSubject => {
    const possible: Party['possible'] = unknownOf === '' ? { kind: 'nothing' } : { kind: 'groups', issuer: unknownOf, guest: true };
    const deny = new Set([...held, ...(through === undefined ? [] : [through])]);
    return { principal, kind, memberships, party: { tenant, held, possible, lends: true }, acl: { gate: new Set(held), deny, possible } };
  };
  if (principal === EVERYONE) return people('everyone', 'itself', builtIn(true));
  if (principal === EVERYONE_EXCEPT_GUESTS) return people('everyone', 'itself', builtIn(false));
  const named = principalParts(principal);
  if (named === undefined) return undefined;
  if (named.kind === 'group') return people('group', 'itself', [principal, ...builtIn(false)]);
  if (named.kind === 'client') return clientSubject(tenant, principal);
  const summary = parts.issuers.find(({ name }) => name === named.issuer);
  if (summary?.groups === 'none') return people('user', 'issuer-names-none', [principal, EVERYONE]);
  if (summary?.groups !== 'directory') return people('user', 'unknown', [principal, EVERYONE], named.issuer);
  const user = { kind: 'user', principal, groups: [], guest: true, groupsFrom: 'directory' } as const;
  try {
    const held = (await parts.catalog.resolve({ ...asking, issuer: named.issuer, user }, stamp)).user;
    if (held.kind === 'none') return undefined;
    return people('user', 'directory', [principal, ...held.groups, ...builtIn(held.guest)]);
  } catch (error) {
    if (error instanceof AppError && error.code === 'forbidden') return undefined;
    throw error;
  }
}

/** Its gates are opened by whoever asks through it, so only a deny on the application itself counts. */
function clientSubject(tenant: TenantId, principal: Principal): DiffSubject {
  const possible: Party['possible'] = { kind: 'nothing' };
  const only = new Set([principal]);
  return {
    principal,
    kind: 'client',
    memberships: 'itself',
    party: { tenant, held: [principal], possible, lends: true },
    acl: { gate: only, deny: only, possible },
  };
}
