import { actorPrincipals, userPrincipals, type Caller, type CallerUser } from '../core/caller.ts';
import { AppError } from '../core/errors.ts';
import type { EpochStamp, ReadCatalog } from '../core/ports/catalog.ts';
import type { DirectoryCatalog } from '../core/ports/directory.ts';
import type { Party, Possible } from '../core/ports/explain.ts';
import type { IssuerSummary } from '../core/ports/identity.ts';
import { EVERYONE, EVERYONE_EXCEPT_GUESTS, principalParts, qualifyPrincipal, type Principal } from '../core/principal.ts';

/** Who is asked about, as a request words it. All absent: who asks. */
export interface Description {
  /** `null`: an application with nobody behind it. */
  readonly user?: string | null | undefined;
  readonly client?: string | undefined;
  readonly actor?: string | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly guest?: boolean | undefined;
}

/**
 * Where the groups come from. `token`: of who asks. `unknown`: they live in tokens and none were given, so that whatever
 * depends on them is not known; never that there are none.
 */
export interface Memberships {
  readonly from: 'token' | 'given' | 'directory' | 'issuer-names-none' | 'no-user' | 'unknown';
  readonly groups: readonly Principal[];
  readonly guest: 'guest' | 'member' | 'unknown' | 'no-user';
}

export interface Described {
  /** With the groups that are known; those of `memberships.from` `unknown` are missing from it. */
  readonly caller: Caller;
  readonly memberships: Memberships;
  /** True where it is who asks, with what their own token or the directory says. */
  readonly self: boolean;
  /** True where nothing is left unknown, so that `caller` may be decided about. */
  readonly complete: boolean;
  /** False for a person whom the directory does not know or has deactivated: whoever they are, they get no answer at all. */
  readonly admitted: boolean;
}

export interface DescribedParts {
  readonly catalog: ReadCatalog & Pick<DirectoryCatalog, 'groupsAt'>;
  readonly issuers: readonly IssuerSummary[];
}

const MAX_GROUPS = 10_000;

/**
 * The caller a description stands for; with the groups of `at`, milliseconds, where the directory knows them and it is given.
 * Fails with `invalid_request` where the description names nobody possible.
 */
export async function describedCaller(
  parts: DescribedParts,
  asking: Caller,
  stamp: EpochStamp,
  description: Description,
  at?: number,
): Promise<Described> {
  const { user, client, actor, groups, guest } = description;
  if ([user, client, actor, groups, guest].every((one) => one === undefined)) return ownAt(parts, asking, at);
  // A login is of who asks. Under another issuer's name it would be compared with the logouts of strangers.
  const { login: _login, ...anybody } = asking;
  const base: Caller = {
    ...anybody,
    client: client === undefined ? asking.client : named(parts, 'client', client),
    actor: actor === undefined ? { kind: 'none' } : { kind: 'actor', principals: [named(parts, 'actor', actor)] },
  };
  if (user === null) {
    if (groups !== undefined || guest !== undefined) throw wrong('/groups', 'an application alone has no groups');
    return of({ ...base, user: { kind: 'none' } }, { from: 'no-user', groups: [], guest: 'no-user' });
  }
  if (user === undefined) {
    if (groups !== undefined || guest !== undefined) throw wrong('/user', 'say whose groups these are');
    const { memberships, complete } = own(asking);
    return { caller: base, memberships, complete, self: false, admitted: true };
  }
  return describedUser(parts, stamp, base, named(parts, 'user', user), description, at);
}

/** Of one's own past: the groups that the directory held then. What a token says is of now, and the answer names it so. */
async function ownAt(parts: DescribedParts, asking: Caller, at: number | undefined): Promise<Described> {
  const now = own(asking);
  const { user } = asking;
  if (at === undefined || user.kind === 'none' || user.groupsFrom !== 'directory') return now;
  const groups = await parts.catalog.groupsAt(asking.tenant, user.principal, at);
  if (groups === undefined) return { ...now, admitted: false };
  const { groupsFrom: _from, ...rest } = user;
  return { ...now, caller: { ...asking, user: { ...rest, groups } }, memberships: { ...now.memberships, groups } };
}

function own(asking: Caller): Described {
  const { user } = asking;
  if (user.kind === 'none') {
    return { caller: asking, memberships: { from: 'no-user', groups: [], guest: 'no-user' }, self: true, complete: true, admitted: true };
  }
  const from = user.groupsFrom === 'directory' ? 'directory' : 'token';
  const memberships: Memberships = { from, groups: user.groups, guest: user.guest ? 'guest' : 'member' };
  return { caller: asking, memberships, self: true, complete: true, admitted: true };
}

function of(caller: Caller, memberships: Memberships): Described {
  const complete = memberships.from !== 'unknown' && memberships.guest !== 'unknown';
  return { caller, memberships, self: false, complete, admitted: true };
}

async function describedUser(
  parts: DescribedParts,
  stamp: EpochStamp,
  base: Caller,
  principal: Principal,
  { groups, guest }: Description,
  at: number | undefined,
): Promise<Described> {
  const issuer = principalParts(principal)?.issuer ?? '';
  const status = (known: boolean | undefined): Memberships['guest'] => (known === undefined ? 'unknown' : known ? 'guest' : 'member');
  // What is not known counts as not held in the caller; what may be held is in `possiblyHeld`.
  const asUser = (known: readonly Principal[], from: Memberships['from'], isGuest: boolean | undefined): Described => {
    const made: CallerUser = { kind: 'user', principal, groups: known, guest: isGuest ?? true };
    return of({ ...base, issuer, user: made }, { from, groups: known, guest: status(isGuest) });
  };
  if (groups !== undefined) {
    if (groups.length > MAX_GROUPS)
      throw new AppError('limit_exceeded', { issues: [{ pointer: '/groups', message: `at most ${MAX_GROUPS}` }] });
    return asUser([...new Set(groups.map((name) => named(parts, 'group', name)))].sort(), 'given', guest);
  }
  const summary = parts.issuers.find(({ name }) => name === issuer);
  if (summary?.groups === 'none') return asUser([], 'issuer-names-none', guest);
  if (summary?.groups !== 'directory') return asUser([], 'unknown', guest);
  if (at !== undefined) {
    const then = await parts.catalog.groupsAt(base.tenant, principal, at);
    return then === undefined ? { ...asUser([], 'directory', true), admitted: false } : asUser(then, 'directory', guest);
  }
  const blank: CallerUser = { kind: 'user', principal, groups: [], guest: true, groupsFrom: 'directory' };
  const held = await directoryUser(parts.catalog, stamp, { ...base, issuer, user: blank });
  return held === undefined ? { ...asUser([], 'directory', true), admitted: false } : asUser(held.groups, 'directory', held.guest);
}

type DirectoryUser = Extract<CallerUser, { kind: 'user' }>;

/** Undefined for a person whom the directory does not know or has deactivated: they cannot ask at all, and have no groups to tell. */
async function directoryUser(catalog: ReadCatalog, stamp: EpochStamp, caller: Caller): Promise<DirectoryUser | undefined> {
  try {
    const { user } = await catalog.resolve(caller, stamp);
    return user.kind === 'user' ? user : undefined;
  } catch (error) {
    if (error instanceof AppError && error.code === 'forbidden') return undefined;
    throw error;
  }
}

function named({ issuers }: DescribedParts, kind: 'user' | 'group' | 'client' | 'actor', text: string): Principal {
  const names = issuers.map(({ name }) => name);
  const found = qualifyPrincipal(text, names);
  const parts = found === undefined ? undefined : principalParts(found);
  const fits = kind === 'actor' ? parts?.kind === 'user' || parts?.kind === 'client' : parts?.kind === kind;
  if (found !== undefined && parts !== undefined && fits && names.includes(parts.issuer)) return found;
  const form = kind === 'actor' ? 'user: or client:' : `${kind}:`;
  throw wrong(kind === 'group' ? '/groups' : `/${kind}`, `must be ${form}<issuer>|<id> of a configured issuer`);
}

function wrong(pointer: string, message: string): AppError {
  return new AppError('invalid_request', { issues: [{ pointer, message }] });
}

/** What a described user may hold beside what is known of them. */
export function possiblyHeld({ caller, memberships }: Described): Possible {
  if (caller.user.kind === 'none') return { kind: 'nothing' };
  const issuer = memberships.from === 'unknown' ? caller.issuer : '';
  const guest = memberships.guest === 'unknown';
  return issuer === '' && !guest ? { kind: 'nothing' } : { kind: 'groups', issuer, guest };
}

const NOTHING: Possible = { kind: 'nothing' };

/** User, client and actor, as policy lines speak of them. */
export function partiesOf(described: Described): {
  readonly user: Party | undefined;
  readonly client: Party;
  readonly actor: Party | undefined;
} {
  const { caller } = described;
  const { tenant } = caller;
  const actors = actorPrincipals(caller);
  return {
    user:
      caller.user.kind === 'none' ? undefined : { tenant, held: userPrincipals(caller), possible: possiblyHeld(described), lends: true },
    client: { tenant, held: [caller.client], possible: NOTHING, lends: true },
    actor: actors.length === 0 ? undefined : { tenant, held: actors, possible: NOTHING, lends: false },
  };
}

/** Principals of one who holds nothing but what is built in, beside the names given. */
export function builtIn(guest: boolean): readonly Principal[] {
  return guest ? [EVERYONE] : [EVERYONE, EVERYONE_EXCEPT_GUESTS];
}
