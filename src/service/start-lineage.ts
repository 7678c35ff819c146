import type { Config } from '../config.ts';
import type { Clock } from '../core/ports/clock.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import { createLineage, type BeginRun } from '../ingestion/lineage.ts';
import { createLineageSink } from '../telemetry/lineage-sink.ts';
import type { Closers } from './closers.ts';

export interface LineageStart {
  readonly config: Pick<Config, 'lineage'>;
  readonly version: string;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly closers: Closers;
}

/** Runs of ingestion, told to the configured address; to nobody where there is none. */
export function startLineage({ config: { lineage }, version, clock, telemetry, closers }: LineageStart): BeginRun {
  if (lineage === undefined) return createLineage(undefined);
  const { url, token, namespace } = lineage;
  const sink = createLineageSink({ url, token, telemetry });
  closers.add(() => sink.close());
  return createLineage({ sink, clock, namespace, version });
}
