import { AppError } from '../core/errors.ts';
import { parseDocumentId, parseTenantId } from '../core/ids.ts';
import type { SwitchKind, WriteCatalog } from '../core/ports/catalog.ts';
import type { SwitchTarget } from '../core/ports/tenants.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import type { Presence } from '../core/presence.ts';
import { principalParts, qualifyPrincipal, type Principal } from '../core/principal.ts';
import { liveSource, mayOver, partiesOf } from './rights.ts';

/** A switch as callers write it. `id`: `<source>/<document>`, a source, a principal; none of the tenant and of everything. */
export interface SwitchName {
  readonly kind: SwitchKind;
  readonly id: string | undefined;
}

/** A person of one tenant who may switch off everything, through these applications. Named in the configuration, by nobody's policy. */
export interface Operator {
  readonly tenant: string;
  readonly user: Principal;
  readonly through: readonly Principal[];
}

export interface SwitchRights {
  readonly catalog: Pick<WriteCatalog, 'document'>;
  readonly policy: PolicyPort;
  /** Short names of the configured issuers. */
  readonly issuers: readonly string[];
  readonly operators: readonly Operator[];
}

/**
 * The switch of that name, where the caller may throw and lift it. `not_found` for a source that they may not label, for a document
 * they may not label and for one that does not exist; `forbidden` for users, clients, the tenant and everything.
 */
export async function switchTarget(rights: SwitchRights, here: Presence, { kind, id }: SwitchName): Promise<SwitchTarget> {
  switch (kind) {
    case 'source': {
      const source = liveSource(here, id ?? '');
      if (source === undefined || !mayOver(rights.policy, here, 'label', source)) throw new AppError('not_found');
      return { kind, id: source.id };
    }
    case 'document':
      return documentTarget(rights, here, id ?? '');
    case 'user':
    case 'client':
      demandAdministrator(rights, here);
      return { kind, id: principalOf(kind, id ?? '', rights.issuers) };
    case 'tenant':
      demandAdministrator(rights, here);
      if (id !== undefined && parseTenantId(id) !== here.view.tenant) throw wrong('must be left out, or be your own tenant');
      return { kind };
    case 'all':
      if (!isOperator(rights, here)) throw new AppError('forbidden');
      if (id !== undefined) throw wrong('must be left out: there is only one');
      return { kind };
  }
}

/** The first `/` separates, since no source's id holds one. */
async function documentTarget({ catalog, policy }: SwitchRights, here: Presence, id: string): Promise<SwitchTarget> {
  const slash = id.indexOf('/');
  const source = slash === -1 ? undefined : liveSource(here, id.slice(0, slash));
  const document = parseDocumentId(id.slice(slash + 1));
  if (source === undefined || document === undefined) throw new AppError('not_found');
  const found = await catalog.document(source.tenant, source.id, document);
  if (found === undefined || !mayOver(policy, here, 'label', source, found.declared)) throw new AppError('not_found');
  return { kind: 'document', id: found.key };
}

/** A switch that names nobody would look thrown and stop nobody, so the issuer must be a configured one. */
function principalOf(kind: 'user' | 'client', id: string, issuers: readonly string[]): Principal {
  const found = qualifyPrincipal(id, issuers);
  const parts = found === undefined ? undefined : principalParts(found);
  if (found === undefined || parts?.kind !== kind || !issuers.includes(parts.issuer)) {
    throw wrong(`must be ${kind}:<issuer>|<id> of a configured issuer`);
  }
  return found;
}

function wrong(message: string): AppError {
  return new AppError('invalid_request', { issues: [{ pointer: '/id', message }] });
}

function demandAdministrator(rights: SwitchRights, here: Presence): void {
  if (!isAdministrator(rights, here)) throw new AppError('forbidden');
}

/** Under the scope `admin`: the other scope of these routes is for the owners of sources, whatever else its bearer may do. */
export function isAdministrator({ policy }: SwitchRights, { view, caller }: Presence): boolean {
  return caller.scopes.has('admin') && policy.permitsTenant(view, caller, 'administer').kind === 'permit';
}

/** No line of any tenant's policy is asked: what one tenant's administrator writes must not stop the others. */
export function isOperator({ operators }: SwitchRights, here: Presence): boolean {
  const { caller, view } = here;
  const { user, client } = caller;
  if (!caller.scopes.has('admin') || user.kind !== 'user' || caller.actor.kind !== 'none' || caller.tenant !== view.tenant) return false;
  if (partiesOf(here).some((party) => view.off.principals.has(party))) return false;
  return operators.some((one) => one.tenant === caller.tenant && one.user === user.principal && one.through.includes(client));
}

/**
 * True where the caller could not undo it. They hold the right now and after it, and two such throws cannot cross, so whatever is
 * switched off there is always somebody left who can switch it on again.
 */
export function locksOut(rights: SwitchRights, here: Presence, target: SwitchTarget): boolean {
  if (target.kind !== 'user' && target.kind !== 'client') return false;
  const { off } = here.view;
  const view = { ...here.view, off: { ...off, principals: new Set([...off.principals, target.id]) } };
  return !isAdministrator(rights, { ...here, view });
}
