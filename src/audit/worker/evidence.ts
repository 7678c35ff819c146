import type { EvidencePort } from '../../core/ports/evidence.ts';
import type { Telemetry } from '../../core/ports/telemetry.ts';
import { openPlaces } from '../checkpoints/outside/open-places.ts';
import { signedByUs } from '../checkpoints/outside/trust.ts';
import { refuseRollback } from '../checkpoints/refuse-rollback.ts';
import { startSequencer, type Sequencer } from '../checkpoints/sequencer.ts';
import { SEQUENCER_TIMING, type SequencerSettings } from '../checkpoints/settings.ts';
import type { LogAndIndex } from '../index/open-index.ts';
import { ask } from '../questions/ask.ts';
import { completeness } from '../questions/complete.ts';
import { exportLog } from '../questions/export-log.ts';
import { storedNames } from '../questions/stored-names.ts';
import { proofReads } from './proof-reads.ts';
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
export function createEvidence(parts: EvidenceParts): Evidence {
  const { databases, settings, telemetry } = parts;
  const timing = { ...SEQUENCER_TIMING, ...settings.timing };
  const places = openPlaces(settings.outside, signedByUs(parts.deeds));
  let sequencer: Sequencer | undefined;
  const evidence: EvidencePort = {
    ask: (question, signal) => ask(databases, question, signal),
    ...proofReads(databases, () => sequencer, timing.freshMs),
    storedNames: (tenant, log) => storedNames(databases.log, tenant, log),
    completeness: (tenant, log) => completeness(databases, tenant, log),
    export: (tenant, range, signal) => exportLog(databases, tenant, range, signal),
  };
  return {
    evidence,
    async start() {
      await refuseRollback({ databases, places, telemetry, placeMs: timing.outsideMs, computedUpTo: settings.computedUpTo });
      sequencer = startSequencer({ ...parts, places });
    },
    async stop() {
      await sequencer?.stop();
    },
  };
}
