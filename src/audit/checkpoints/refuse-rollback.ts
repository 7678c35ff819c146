import type { Telemetry } from '../../core/ports/telemetry.ts';
import type { LogAndIndex } from '../index/open-index.ts';
import type { Place } from './outside/place.ts';
import { compareLog, rollbackMessage, unknownLogs, type RollbackParts } from './rollback.ts';

/** Logs compared at the same time: places outside answer in their own time. */
const AT_ONCE = 16;

export interface RefuseParts {
  readonly databases: LogAndIndex;
  readonly places: readonly Place[];
  readonly telemetry: Telemetry;
  readonly placeMs: number;
  readonly computedUpTo: number | undefined;
}

/**
 * Compares every log with what was given outside, at the start. Rejects with what is wrong and what to do; nothing is written. Places that
 * cannot be asked are said and passed over: a slow witness is no reason not to start. What cannot be compared before it is indexed is
 * compared by the sequencer, before it signs.
 */
export async function refuseRollback({ databases, places, telemetry, placeMs, computedUpTo }: RefuseParts): Promise<void> {
  const unreachable = (place: Place, error: unknown): void => {
    telemetry.count('checkpoint_failures', { part: 'outside' });
    telemetry.log.error({ place: place.name }, 'a place outside could not be asked for its checkpoints', error);
  };
  const parts = { databases, places, unreachable, placeMs, computedUpTo };
  const unknown = await unknownLogs(parts);
  if (unknown.length > 0) {
    throw new Error(
      `checkpoints were given outside of logs that this database does not know: ${unknown.slice(0, 5).join(', ')}. The database is older ` +
        'than they are, or another one. Restore the newest copy of it; where there is none, move these files away and keep them',
    );
  }
  const rows = await databases.log.db.selectFrom('audit_origins').select('tenant').distinct().orderBy('tenant').execute();
  const messages: string[] = [];
  for (let from = 0; from < rows.length; from += AT_ONCE) {
    const found = await Promise.all(rows.slice(from, from + AT_ONCE).map(({ tenant }) => compareLog(parts, tenant)));
    for (const each of found) if (each.kind === 'rolled-back') messages.push(rollbackMessage(each));
  }
  if (messages.length > 0) throw new Error(messages.slice(0, 5).join('\n'));
  await reportMissing(parts, telemetry);
}

/** A place that holds none, or smaller ones, than it was given: the start is not refused for it, and it is not filled again in silence. */
async function reportMissing({ databases, places, placeMs }: RollbackParts, telemetry: Telemetry): Promise<void> {
  const given = await databases.log.db.selectFrom('audit_outside').selectAll().where('size', '>', 0).execute();
  for (const { origin, place: name, size } of given) {
    const place = places.find((each) => each.name === name);
    const held = await place?.last(origin, AbortSignal.timeout(placeMs)).catch(() => undefined);
    if (held === undefined || held.kind === 'cannot-tell' || (held.kind === 'held' && held.size >= size)) continue;
    telemetry.count('checkpoint_failures', { part: 'outside' });
    const now = held.kind === 'held' ? held.size : 0;
    telemetry.log.error({ place: name, origin, size, now }, 'a place outside no longer holds a checkpoint of this log that it was given');
  }
}
