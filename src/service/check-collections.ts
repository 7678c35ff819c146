import type { Catalog } from '../catalog/catalog.ts';
import type { HostedIndex } from '../core/ports/points.ts';
import type { Log } from '../core/ports/telemetry.ts';

/**
 * At the start: looks at what lies in the index of each live hosted collection and makes indexes that are missing. One that is lost, or is
 * not as it was made, is logged and not served; all others are. Fails with `catalog_unavailable`.
 */
export async function checkCollections(
  catalog: Pick<Catalog, 'tenants' | 'epoch' | 'view'>,
  hosted: Pick<HostedIndex, 'check'>,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  for (const tenant of await catalog.tenants()) {
    const epoch = await catalog.epoch(tenant);
    if (epoch.kind === 'none') continue;
    const { collections } = await catalog.view(tenant, epoch.stamp);
    for (const { name, key } of collections.values()) {
      await hosted.check(key, signal).catch((error: unknown) => {
        const why = error instanceof Error ? error.message : 'unknown';
        log.error({ tenant, collection: name, why }, 'a hosted collection is not served: its points are not as they should be');
      });
    }
  }
}
