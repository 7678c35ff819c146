import { LRUCache } from 'lru-cache';
import type { Caller } from '../core/caller.ts';
import { AppError } from '../core/errors.ts';
import type { PolicyRevision } from '../core/policy-lines.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import { checkLines } from './check-lines.ts';
import type { PolicyFunctions } from './functions.ts';
import type { ModelFactory } from './model.ts';
import { indexRevision } from './revision-index.ts';
import { secondKey, type SecondKey } from './second-key.ts';
import { callerKey, parties, standingOf, standingSize, type Party, type Standing } from './standing.ts';
import type { Vocabulary } from './vocabulary.ts';

/** One revision in use: its index and the callers seen under it. Swapped whole with the revision, never changed. */
export interface RevisionRoom {
  readonly secondKey: SecondKey;
  standing(caller: Caller): Standing;
}

export interface RevisionParts {
  readonly model: ModelFactory;
  readonly functions: PolicyFunctions;
  readonly vocabulary: Vocabulary;
  readonly telemetry: Telemetry;
}

// Names held, over all callers cached; ten thousand callers of a hundred groups.
const MAX_HELD_NAMES = 1_000_000;
// Clients and actors.
const MAX_SHARED_NAMES = 100_000;

/** Fails with `policy_unavailable` where the stored lines would not be published today: a bad line decides nothing. */
export function revisionRoom(parts: RevisionParts, tenant: string, revision: PolicyRevision): RevisionRoom {
  const [problem] = checkLines(parts.vocabulary, tenant, revision.lines);
  if (problem !== undefined) {
    parts.telemetry.log.error({ tenant, revision: revision.id, line: problem.line }, `policy revision refused: ${problem.message}`);
    throw new AppError('policy_unavailable', { detail: `policy revision ${revision.id}, line ${problem.line}: ${problem.message}` });
  }
  parts.telemetry.log.info({ tenant, revision: revision.id, lines: revision.lines.length }, 'policy revision indexed');
  const index = indexRevision(tenant, revision, parts.functions.serves);
  const keys = new WeakMap<Caller, string>();
  const standings = new LRUCache<string, Standing>({ maxSize: MAX_HELD_NAMES, sizeCalculation: standingSize });
  const sharedParties = new LRUCache<string, Party>({ maxSize: MAX_SHARED_NAMES, sizeCalculation: (party) => party.size });
  const shared = parties(index, (key, make) => {
    const known = sharedParties.get(key) ?? make();
    sharedParties.set(key, known);
    return known;
  });
  return {
    secondKey: secondKey(parts.model, parts.functions),
    standing(caller) {
      const key = keys.get(caller) ?? callerKey(caller);
      keys.set(caller, key);
      const known = standings.get(key);
      if (known !== undefined) return known;
      const standing = standingOf(index, shared, caller, key);
      standings.set(key, standing);
      return standing;
    },
  };
}
