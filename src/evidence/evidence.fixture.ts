import { mapNames, plainName } from '../core/audit-names.ts';
import type { AuditEvent, StoredAuditEvent } from '../core/ports/audit.ts';
import type { AuditPage, AuditQuestion, EvidencePort, SubLog } from '../core/ports/evidence.ts';
import { subLogsOf } from '../core/sub-logs.ts';

/** An event as readers see it, at its place in the log. */
export function stored(event: AuditEvent, index: number): StoredAuditEvent {
  return {
    ...event,
    body: mapNames(event.body, plainName),
    index,
    leaf: 'ab'.repeat(32),
    at: new Date(Date.UTC(2026, 0, 1) + index * 1_000).toISOString(),
  };
}

/** Looks at every event of `log()`; ends pages early where `tired` says so. The other methods are not for questions. */
export function fakeEvidence(log: () => readonly StoredAuditEvent[], tired: () => boolean = () => false): EvidencePort {
  const never = (): never => {
    throw new Error('not a part of asking');
  };
  return {
    ask: async (question) => naivePage(log(), question, tired),
    checkpoint: never,
    checkpointAt: never,
    checkpoints: never,
    inclusion: never,
    consistency: never,
    tile: never,
    storedNames: never,
    completeness: never,
    export: never,
  };
}

function naivePage(log: readonly StoredAuditEvent[], question: AuditQuestion, tired: () => boolean): AuditPage {
  const { after = -1, before = log.length, from = 0, to = Number.POSITIVE_INFINITY, limit, kinds } = question;
  const end = Math.min(before, log.length);
  const events: StoredAuditEvent[] = [];
  for (let at = after + 1; at < end; at += 1) {
    const event = log[at];
    const time = Date.parse(event?.at ?? '');
    if (event === undefined || time < from || time >= to) continue;
    const own = subLogsOf({ v: 1, kind: event.kind, body: event.body }).map(nameOf);
    const fits = question.in === 'whole-log' || question.in.every((list) => list.some((one) => own.includes(nameOf(one))));
    if (fits && (kinds === undefined || kinds.includes(event.kind))) events.push(event);
    const full = events.length === limit || tired();
    if (full && at + 1 < end) return { events, next: at, size: log.length };
  }
  return { events, size: log.length };
}

function nameOf({ about, what, name }: SubLog): string {
  return JSON.stringify([about, what, name]);
}
