import { randomUUID } from 'node:crypto';
import type { CollectionKey } from '../core/ids.ts';
import { createCollections, type Collections } from '../ingestion/collections.ts';
import type { RunningParts } from './running-parts.ts';

/** Hosted collections of the Qdrant-compatible door, for their owners. */
export function collectionsOf(parts: RunningParts, mend: () => void): Collections {
  const { config, stores, policy, vectors, identity, quarantine } = parts;
  const { catalog } = stores;
  return createCollections({
    catalog,
    policy,
    writes: catalog,
    collections: catalog,
    hosted: vectors.hosted,
    collection: config.collection,
    issuers: identity.issuers.map(({ name }) => name),
    groupless: identity.issuers.filter(({ groups }) => groups === 'none').map(({ name }) => name),
    ...quarantine.rules,
    newKey: () => randomUUID() as CollectionKey,
    mend,
  });
}
