import { ACCESS_LIMITS } from '../../src/administration/access-requests.ts';
import { uuidOf } from '../../src/core/digest.ts';
import type { DocumentId, SourceId, TenantId } from '../../src/core/ids.ts';
import type { Principal } from '../../src/core/principal.ts';
import type { Service } from '../../src/service/start-service.ts';

/** What a person was granted: a whole source, or one document of it. */
export interface WorldGrant {
  readonly tenant: string;
  readonly sub: string;
  readonly source: string;
  readonly document?: string;
}

let made = 0;
const HOUR_MS = 3_600_000;

/** Grants it as an approver with authority over everything would, over the zones there are now; the id withdraws it. */
export async function grantAccess({ stores: { catalog } }: Service, grant: WorldGrant): Promise<string> {
  const [tenant, source] = [grant.tenant as TenantId, grant.source as SourceId];
  const epoch = await catalog.epoch(tenant);
  if (epoch.kind === 'none') throw new Error('no such tenant');
  const view = await catalog.view(tenant, epoch.stamp);
  const { revision = 0, owner = '' as Principal } = view.sources.get(source) ?? {};
  const found = grant.document === undefined ? undefined : await catalog.document(tenant, source, grant.document as DocumentId);
  const zones = found === undefined ? [...view.zones.values()].filter((zone) => zone.source === source).map(({ id }) => id) : [found.zone];
  const requester = `user:test|${grant.sub}` as Principal;
  const [id, approver] = [uuidOf('test-grant', String((made += 1))), 'user:test|approver' as Principal];
  const change = { requestId: id, by: requester, through: 'client:test|portal' as Principal };
  const asked = { id, requester, actor: undefined, source, document: grant.document as DocumentId | undefined, reason: 'r' };
  await catalog.askAccess(tenant, { ...asked, wantedUntil: undefined }, ACCESS_LIMITS, change);
  const until = Math.ceil((Date.now() + HOUR_MS) / 1_000) * 1_000;
  const terms = { until, reviewer: approver, reviewAt: undefined, owner, sourceRevision: revision };
  const approval = { kind: 'approve', reason: 'r', zones, key: found?.key, ...terms } as const;
  await catalog.decideAccess(tenant, id, approval, ACCESS_LIMITS, { ...change, by: approver }, { parties: [approver] });
  return id;
}

export async function withdrawGrant({ stores: { catalog } }: Service, { tenant, sub }: WorldGrant, id: string): Promise<void> {
  const by = `user:test|${sub}` as Principal;
  await catalog.withdrawAccess(tenant as TenantId, id, undefined, { requestId: id, by, through: by }, { parties: [by] });
}
