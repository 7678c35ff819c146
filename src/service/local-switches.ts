import { AppError } from '../core/errors.ts';
import { parseDocumentId, parseSourceId, type TenantId } from '../core/ids.ts';
import type { Change, WriteCatalog } from '../core/ports/catalog.ts';
import type { SwitchTarget, TenantAdmin } from '../core/ports/tenants.ts';
import type { SwitchCatalog } from '../core/ports/switches.ts';
import { parsePrincipal, principalParts } from '../core/principal.ts';
import type { LocalSwitch, ListedSwitch } from '../doors/cli/house.ts';

type Catalog = TenantAdmin & SwitchCatalog & Pick<WriteCatalog, 'document'>;

const LIFT_WINDOW_MS = 60 * 60_000;
const PAGE = 1_000;

/**
 * A switch thrown or lifted by whoever has the machine: no policy is asked, so nobody can be locked out for good. Lifting the tenant
 * or everything takes two people here as well, unless `alone` says otherwise, and the log shows who it was.
 */
export async function changeSwitch(catalog: Catalog, wanted: LocalSwitch, change: Change): Promise<'off' | 'on' | 'proposed'> {
  const tenant = await knownTenant(catalog, wanted.tenant);
  const target = await targetOf(catalog, tenant, wanted);
  if (wanted.verb === 'off') {
    await catalog.throwSwitch(tenant, target, wanted.reason ?? '', change);
    return 'off';
  }
  if ((target.kind !== 'tenant' && target.kind !== 'all') || wanted.alone) {
    await catalog.liftSwitch(tenant, target, change);
    return 'on';
  }
  const outcome = await catalog.liftByTwo(tenant, target, change, LIFT_WINDOW_MS);
  if (outcome.kind === 'same-person') throw new AppError('second_person_required');
  return outcome.kind === 'lifted' ? 'on' : 'proposed';
}

export async function listSwitches(catalog: Catalog, name: string): Promise<readonly ListedSwitch[]> {
  const tenant = await knownTenant(catalog, name);
  const found: ListedSwitch[] = [];
  for (let after: string | undefined; ;) {
    const page = await catalog.thrownSwitches(tenant, after, PAGE);
    for (const { target, reason, by, at, proposal } of page) {
      const id = target.kind === 'document' ? `${target.source}/${target.document}` : 'id' in target ? target.id : undefined;
      const open = proposal.kind === 'open' ? { proposal: { by: proposal.by, at: iso(proposal.at), until: iso(proposal.until) } } : {};
      found.push({ kind: target.kind, ...(id === undefined ? {} : { id }), reason, by, at: iso(at), ...open });
    }
    after = page.at(-1)?.cursor;
    if (page.length < PAGE) return found;
  }
}

const iso = (moment: number): string => new Date(moment).toISOString();

async function knownTenant(catalog: Catalog, name: string): Promise<TenantId> {
  const found = (await catalog.tenants()).find((tenant) => tenant === name);
  if (found === undefined) throw new AppError('not_found', { detail: `there is no tenant ${name}` });
  return found;
}

async function targetOf(catalog: Catalog, tenant: TenantId, { kind, id = '' }: LocalSwitch): Promise<SwitchTarget> {
  switch (kind) {
    case 'document': {
      const slash = id.indexOf('/');
      const source = parseSourceId(id.slice(0, Math.max(slash, 0)));
      const document = parseDocumentId(id.slice(slash + 1));
      const found = source === undefined || document === undefined ? undefined : await catalog.document(tenant, source, document);
      if (found === undefined) throw new AppError('not_found', { detail: 'there is no such document; write <source>/<document>' });
      return { kind, id: found.key };
    }
    case 'source': {
      const source = parseSourceId(id);
      if (source === undefined) throw new AppError('invalid_request', { detail: 'that can be no source' });
      return { kind, id: source };
    }
    case 'user':
    case 'client': {
      const found = parsePrincipal(id);
      if (found === undefined || principalParts(found)?.kind !== kind) {
        throw new AppError('invalid_request', { detail: `write ${kind}:<issuer>|<id>` });
      }
      return { kind, id: found };
    }
    case 'tenant':
    case 'all':
      return { kind };
  }
}
