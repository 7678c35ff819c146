import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { createAudit, type Audit } from '../../src/audit/audit.ts';
import { originId } from '../../src/audit/checkpoints/origins.ts';
import type { OutsidePlace, SequencerTiming } from '../../src/audit/checkpoints/settings.ts';
import { sweepIntents } from '../../src/audit/checkpoints/sweep.ts';
import { openLogAndIndex, type LogAndIndex } from '../../src/audit/index/open-index.ts';
import { createEvidence, type Evidence } from '../../src/audit/worker/evidence.ts';
import type { TenantId } from '../../src/core/ids.ts';
import type { AuditReceipt } from '../../src/core/ports/audit.ts';
import { silentTelemetry, type Gauge } from '../../src/core/ports/telemetry.ts';
import { migrate } from '../../src/database/migrate.ts';
import { openDatabase, type DatabaseConfig } from '../../src/database/open-database.ts';
import { testDeeds, testKey, type TestKey } from './evidence-parts.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { PATIENT } from './audit-events.ts';

export const ACME = 'acme' as TenantId;
/** It looks often, and waits long: who ends gives the lease up at once, and a machine that stalls loses none. */
const TIMING: Partial<SequencerTiming> = { tickMs: 20, leaseMs: 60_000, freshMs: 40_000, outsideMs: 15_000 };

export interface Given {
  readonly holder?: string;
  readonly keys?: readonly TestKey[];
  readonly places?: readonly OutsidePlace[];
  readonly checkpointSeconds?: number;
  readonly timing?: Partial<SequencerTiming>;
  readonly computedUpTo?: number;
}

interface Now {
  readonly config: DatabaseConfig;
  readonly both: LogAndIndex;
  readonly audit: Audit;
  /** The directory that checkpoints are given to. */
  readonly outside: string;
  readonly gauges: Map<Gauge, number>;
  /** What was said as an error. */
  readonly errors: string[];
}

export interface SequencerWorld {
  /** Of the test that runs. */
  now(): Now;
  /** One replica, with connections of its own. */
  replica(given?: Given): Promise<Evidence & { readonly databases: LogAndIndex; readonly end: () => Promise<void> }>;
  append(requestId: string, kind?: 'intent' | 'release' | 'audit.read', tenant?: TenantId): Promise<AuditReceipt>;
  /** Sizes of the checkpoints in the file outside. */
  given(origin: string): readonly number[];
  closeLater(close: () => Promise<void>): void;
}

/** A new log for each test, and replicas that follow it. `fresh` names a new, empty database each time. */
export function sequencerWorld(fresh: () => Promise<DatabaseConfig>): SequencerWorld {
  let current: Now | undefined;
  let open: (() => Promise<void>)[] = [];
  const now = (): Now => {
    if (current === undefined) throw new Error('no test runs');
    return current;
  };
  beforeEach(async () => {
    const config = await fresh();
    open = [];
    const made = await openDatabase(config);
    await migrate(made);
    await made.close();
    const both = await openLogAndIndex(config);
    const audit = createAudit({ database: both.log, telemetry: silentTelemetry, limits: PATIENT });
    current = { config, both, audit, outside: temporaryDirectory(), gauges: new Map(), errors: [] };
  });
  afterEach(async () => {
    for (const close of open.toReversed()) await close();
    await now().both.close();
  });
  return {
    now,
    async replica(given = {}) {
      const databases = await openLogAndIndex(now().config);
      const made = evidenceOf(now(), databases, given);
      let ended = false;
      const end = async (): Promise<void> => {
        if (ended) return;
        ended = true;
        await made.stop();
        await databases.close();
      };
      open.push(end);
      await made.start();
      return { ...made, databases, end };
    },
    append: (requestId, kind = 'audit.read', tenant = ACME) =>
      now().audit.append({ tenant, kind, requestId, body: { user: 'user:idp|ana', client: 'client:idp|app' } }),
    given: (origin) =>
      readFileSync(join(now().outside, `${originId(origin)}.jsonl`), 'utf8')
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { size: number }).size),
    closeLater: (close) => void open.push(close),
  };
}

function evidenceOf({ both, audit, outside, gauges, errors }: Now, databases: LogAndIndex, given: Given): Evidence {
  const { holder = 'one', keys = [testKey(1)], places = [], checkpointSeconds = 3_600, timing = {}, computedUpTo } = given;
  return createEvidence({
    databases,
    settings: {
      holder,
      host: 'sluice.test',
      checkpointSeconds,
      outside: [{ kind: 'file', path: outside, name: 'file:test' }, ...places],
      timing: { ...TIMING, ...timing },
      ...(computedUpTo === undefined ? {} : { computedUpTo }),
    },
    deeds: testDeeds(keys, (tenant, intents) => sweepIntents({ database: both.log, audit, sink: audit.sink }, tenant as TenantId, intents)),
    telemetry: {
      ...silentTelemetry,
      log: { ...silentTelemetry.log, error: (_fields, message) => void errors.push(message) },
      gauge: (gauge, value) => void gauges.set(gauge, value),
    },
  });
}
