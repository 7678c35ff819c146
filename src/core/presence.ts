import type { Caller } from './caller.ts';
import { AppError } from './errors.ts';
import type { EpochStamp, ReadCatalog, TenantView } from './ports/catalog.ts';

/** A caller under one reading of the epoch: everything that is decided for a request is decided from this. */
export interface Presence {
  readonly stamp: EpochStamp;
  readonly view: TenantView;
  /** With the groups of the directory, where the issuer leaves groups to it. */
  readonly caller: Caller;
}

/**
 * Reads the epoch first, before any cache, so that whatever is read after it is at least as new.
 * Fails with `invalid_token` for a tenant that was never made, `forbidden` for somebody whom the directory does not know or
 * has deactivated, `policy_unavailable`, `catalog_unavailable` or `epoch_rolled_back`.
 */
export async function presence(catalog: ReadCatalog, caller: Caller): Promise<Presence> {
  const epoch = await catalog.epoch(caller.tenant);
  if (epoch.kind === 'none') throw new AppError('invalid_token', { detail: 'the token asserts a tenant that does not exist' });
  const { stamp } = epoch;
  const [view, resolved] = await Promise.all([catalog.view(caller.tenant, stamp), catalog.resolve(caller, stamp)]);
  return { stamp, view, caller: resolved };
}
