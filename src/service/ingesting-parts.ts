import { randomBytes } from 'node:crypto';
import type { RunningParts } from './running-parts.ts';

/** What every write into a source works with, through whichever door. */
export function ingestingParts(parts: RunningParts, mend: () => void) {
  const { config, stores, policy, vectors, embedding, identity, quarantine, telemetry, clock } = parts;
  const { catalog } = stores;
  return {
    catalog,
    policy,
    vectors,
    embedding,
    telemetry,
    clock,
    collection: config.collection,
    writes: catalog,
    issuers: identity.issuers.map(({ name }) => name),
    groupless: identity.issuers.filter(({ groups }) => groups === 'none').map(({ name }) => name),
    ...quarantine.rules,
    language: config.embedding.languages[0],
    newMarker: () => randomBytes(16).toString('hex'),
    mend,
  };
}
