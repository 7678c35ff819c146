import { AppError } from '../../core/errors.ts';
import type { EvidencePort } from '../../core/ports/evidence.ts';
import type { Telemetry } from '../../core/ports/telemetry.ts';
import type { SequencerSettings } from '../checkpoints/settings.ts';
import type { LogAndIndex } from '../index/open-index.ts';
import { ask } from '../questions/ask.ts';
import { storedNames } from '../questions/stored-names.ts';
import type { Deeds } from './protocol.ts';

export interface EvidenceParts {
  readonly databases: LogAndIndex;
  readonly settings: SequencerSettings;
  readonly deeds: Deeds;
  readonly telemetry: Telemetry;
}

export interface Evidence {
  readonly evidence: EvidencePort;
  /** Begins to index and to sign. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** What the thread does: plain functions over the log and its index. */
export function createEvidence({ databases }: EvidenceParts): Evidence {
  const evidence: EvidencePort = {
    ask: (question, signal) => ask(databases, question, signal),
    checkpoint: () => Promise.reject(notYet()),
    checkpointAt: () => Promise.reject(notYet()),
    checkpoints: async (tenant, after, limit) => {
      const rows = await databases.log.db
        .selectFrom('audit_checkpoints')
        .selectAll()
        .where('tenant', '=', tenant)
        .where('size', '>', after)
        .orderBy('size')
        .limit(limit)
        .execute();
      return rows.map(({ note, size, root, map, at }) => ({ note, size, root, map, at: new Date(at).toISOString() }));
    },
    inclusion: () => Promise.reject(notYet()),
    consistency: () => Promise.reject(notYet()),
    tile: () => Promise.reject(notYet()),
    storedNames: (tenant, log) => storedNames(databases.log, tenant, log),
    completeness: () => Promise.reject(notYet()),
    export: () => {
      throw notYet();
    },
  };
  return { evidence, start: () => Promise.resolve(), stop: () => Promise.resolve() };
}

function notYet(): AppError {
  return new AppError('audit_unavailable', { detail: 'not built yet' });
}
