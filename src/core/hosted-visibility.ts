import type { SourceId } from './ids.ts';
import type { HostedCollection } from './ports/collections.ts';
import type { PolicyPort, Purpose } from './ports/policy.ts';
import type { Presence } from './presence.ts';

/**
 * Whether a hosted collection is there for a caller: for whoever may retrieve, ingest or label in one of its sources, and for
 * administrators. To everybody else it is missing.
 */
export function seesHosted(
  policy: PolicyPort,
  { view, caller }: Pick<Presence, 'view' | 'caller'>,
  purpose: Purpose,
  collection: HostedCollection,
): boolean {
  const sources = sourcesOf(collection);
  const decision = policy.decide(view, caller, 'retrieve', purpose);
  if (decision.kind === 'zones' && decision.zones.some((id) => within(sources, view.zones.get(id)?.source))) return true;
  for (const id of sources) {
    const source = view.sources.get(id);
    if (source?.state !== 'live') continue;
    const object = { tenant: view.tenant, source: id, label: source.label };
    // Whether somebody may write there at all is whether there is any trust at which they may.
    if (policy.writerTrust(view, caller, object).kind === 'trust') return true;
    if (policy.permits(view, caller, 'label', object).kind === 'permit') return true;
  }
  return policy.permitsTenant(view, caller, 'administer').kind === 'permit';
}

/** Those that have points, and those that are to have some: an application must see the collection that it is about to fill. */
function sourcesOf({ sources, writers }: HostedCollection): ReadonlySet<SourceId> {
  const written = writers.source.kind === 'source' ? [writers.source.source] : [];
  return new Set([...sources, ...written, ...writers.byClient.values()]);
}

function within(sources: ReadonlySet<SourceId>, source: SourceId | undefined): boolean {
  return source !== undefined && sources.has(source);
}
