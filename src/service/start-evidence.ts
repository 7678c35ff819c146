import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { sweepIntents } from '../audit/checkpoints/sweep.ts';
import type { OutsidePlace, SequencerTiming } from '../audit/checkpoints/settings.ts';
import { startEvidenceWorker, type EvidenceWorker } from '../audit/worker/evidence-worker.ts';
import type { CheckpointSignature } from '../audit/worker/protocol.ts';
import type { Config } from '../config.ts';
import type { TenantId } from '../core/ids.ts';
import type { SigningPort } from '../core/ports/signing.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import type { DatabaseLimits } from '../database/database.ts';
import type { Closers } from './closers.ts';
import type { Stores } from './open-stores.ts';

export interface EvidenceStart {
  readonly config: Pick<Config, 'audit' | 'database' | 'dataDir' | 'publicUrl'>;
  readonly stores: Stores;
  readonly signing: SigningPort;
  readonly telemetry: Telemetry;
  readonly closers: Closers;
  readonly limits: { readonly database?: Partial<DatabaseLimits>; readonly evidence?: Partial<SequencerTiming> };
}

/** Of a deployment without a public URL. What tells logs apart is the random part of their names. */
const LOCAL_HOST = 'sluice.local';

/** The thread that indexes, signs and answers auditors. Rejects where a log is older than what was given outside. */
export async function startEvidence({ config, stores, signing, telemetry, closers, limits }: EvidenceStart): Promise<EvidenceWorker> {
  const { database, audit } = stores;
  const worker = await startEvidenceWorker({
    setup: {
      database: config.database,
      // Questions and one writer; the service has a pool of its own.
      limits: { ...limits.database, poolSize: 4 },
      sequencer: {
        holder: randomUUID(),
        host: config.publicUrl === undefined ? LOCAL_HOST : new URL(config.publicUrl).host,
        checkpointSeconds: config.audit.checkpointSeconds,
        outside: placesOf(config),
        ...(limits.evidence === undefined ? {} : { timing: limits.evidence }),
      },
    },
    deeds: {
      sign: async (text) => signatures(signing, text),
      keys: async () => signing.keys().map(({ publicKey }) => publicKey),
      sweep: (tenant, intents) => sweepIntents({ database, audit, sink: audit.sink }, tenant as TenantId, intents),
    },
    telemetry,
  });
  closers.add(() => worker.close());
  return worker;
}

/** With the key in force, and the one before it where there is one: so whoever trusts the old key can follow to the new one. */
function signatures(signing: SigningPort, text: string): readonly CheckpointSignature[] {
  const message = Buffer.from(text, 'utf8');
  return [signing.sign(message), signing.coSign(message)].flatMap((signed) => {
    const key = signing.keys().find(({ kid }) => kid === signed?.kid);
    return signed === undefined || key === undefined ? [] : [{ publicKey: key.publicKey, signature: signed.signature }];
  });
}

/** The directory beside the data comes first, always. On PostgreSQL each machine has one of its own. */
function placesOf({ audit, database, dataDir }: Pick<Config, 'audit' | 'database' | 'dataDir'>): readonly OutsidePlace[] {
  const own = database.kind === 'sqlite' ? 'file:data' : `file:${hostname()}:${dataDir}`;
  const places = audit.outside.map((place): OutsidePlace => {
    switch (place.kind) {
      case 'file':
        return { ...place, name: `file:${place.path}` };
      case 'witness':
        return { ...place, name: `witness:${place.url}` };
      case 'http':
        return { ...place, name: `http:${place.url}` };
    }
  });
  return [{ kind: 'file', path: join(dataDir, 'checkpoints'), name: own }, ...places];
}
