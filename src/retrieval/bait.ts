import type { Caller } from '../core/caller.ts';
import type { ChunkId } from '../core/ids.ts';
import type { AuditPort } from '../core/ports/audit.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import type { Watch } from '../core/ports/watch.ts';
import { baitNames, who } from './events.ts';
import { fuse } from './fuse.ts';
import type { Bait } from './judge.ts';

/** A hit of a leg as it would have stood, had bait been released. */
export interface RankedHit {
  readonly chunk: ChunkId;
  readonly bait: Bait | undefined;
}

/** The bait that would have been among the first `limit`, each document once. Nothing is worked out where no leg met any. */
export function touchedBait(legs: readonly (readonly RankedHit[])[], limit: number): readonly Bait[] {
  const bait = new Map(legs.flat().flatMap((hit) => (hit.bait === undefined ? [] : [[hit.chunk, hit.bait] as const])));
  if (bait.size === 0) return [];
  const ranked = fuse(legs.map((leg) => leg.map(({ chunk }) => chunk))).slice(0, limit);
  const touched = ranked.flatMap(({ chunk }) => bait.get(chunk) ?? []);
  return [...new Map(touched.map((document) => [document.key, document])).values()];
}

export interface BaitParts {
  readonly watch: Watch;
  readonly audit: Pick<AuditPort, 'append'>;
  readonly telemetry: Telemetry;
}

/**
 * Tells the watch, the metric and the log, after the answer became durable and without making its caller wait. The release names the
 * bait as well, so a crash before the event is written loses the event and not the fact.
 */
export function reportBait({ watch, audit, telemetry }: BaitParts, caller: Caller, requestId: string, bait: readonly Bait[]): void {
  if (bait.length === 0) return;
  telemetry.count('bait_hits', {}, bait.length);
  watch.bait(
    caller,
    bait.map(({ key }) => key),
  );
  const body = { ...who(caller), documents: baitNames(bait) };
  audit.append({ tenant: caller.tenant, kind: 'honey.touched', requestId, body }).catch((error: unknown) => {
    telemetry.log.error({ requestId }, 'that bait was touched could not be written; the release names it', error);
  });
}
