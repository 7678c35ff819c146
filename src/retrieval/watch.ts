import type { Caller } from '../core/caller.ts';
import type { DocumentKey, TenantId } from '../core/ids.ts';
import type { AuditTail } from '../core/ports/audit.ts';
import type { Clock } from '../core/ports/clock.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import type { Admission, Watch } from '../core/ports/watch.ts';
import type { EntitlementCatalog, WatchBoard } from '../core/ports/watching.ts';
import { ruleName, rulesFor, type WatchingPolicy } from '../core/watching.ts';
import { createEffects, type EffectParts } from './watch-effects.ts';
import { createEntitlements } from './watch-entitlement.ts';
import { boardOf } from './watch-board.ts';
import { tripped, type Tripped } from './watch-rules.ts';
import { createSubjects, type Hold, type Subject, type SubjectLimits, type Subjects } from './watch-subjects.ts';
import { createTail } from './watch-tail.ts';
import { distinctCount, hashOfKey, tick, touch, windowMs } from './watch-window.ts';

export interface WatchParts extends EffectParts {
  readonly watching: WatchingPolicy;
  readonly policy: Pick<PolicyPort, 'decide' | 'purposes' | 'permitsTenant'>;
  readonly catalog: EffectParts['catalog'] & EntitlementCatalog;
  readonly audit: EffectParts['audit'] & AuditTail;
  readonly clock: Clock;
  /** Of a document as the log names it. */
  readonly keyOf: (tenant: TenantId, source: string, document: string) => DocumentKey;
  readonly limits?: SubjectLimits;
}

export interface WatchService extends Watch, WatchBoard {
  /** Takes over what the log holds since the last time. Never fails. */
  poll(): Promise<void>;
  /** Ends a poll at its next page. */
  stop(): void;
  /** Resolves once what follows from calls so far is written. */
  settled(): Promise<void>;
}

/** Watches users and clients of this replica, and through the log those of the others; see docs/operations.md, "Watching". */
export function createWatch(parts: WatchParts): WatchService {
  const { clock, telemetry, watching } = parts;
  const subjects = createSubjects(parts.limits);
  const entitlements = createEntitlements(parts);
  const effects = createEffects(parts);
  const tail = createTail({
    audit: parts.audit,
    telemetry,
    subjects,
    hashOf: (tenant, source, document) => hashOfKey(parts.keyOf(tenant, source, document)),
  });

  const judge = createJudge(parts, subjects, effects);
  const each = (caller: Caller, run: (subject: Subject, now: number) => void, of = subjectsOf): 'done' | 'failed' => {
    try {
      const now = clock.now();
      for (const subject of of(subjects, caller)) {
        run(subject, now);
        judge(subject, caller, now);
      }
      telemetry.gauge('watch_subjects', subjects.size());
      return 'done';
    } catch (error) {
      telemetry.log.error({}, 'the watch failed; the answer does not wait for it', error);
      return 'failed';
    }
  };
  return {
    admit: (caller) => admission([heldUser(subjects.heldOf, caller), subjects.heldOf(caller.tenant, caller.client)], clock.now()),
    released(caller, view, documents, index) {
      const hashes = documents.map(hashOfKey);
      const counted = each(caller, (subject, now) => {
        subjects.record(subject, hashes, now);
        entitlements.renew(subject, view, caller);
      });
      if (counted === 'done' && index !== undefined) tail.counted(caller.tenant, index);
    },
    bait(caller, documents) {
      const hashes = documents.map(hashOfKey);
      each(caller, ({ bait }, now) => hashes.forEach((hash) => touch(bait, hash, now)), readerOf);
    },
    nearMiss: (caller) => void each(caller, ({ nearMisses }, now) => tick(nearMisses, now), readerOf),
    ...boardOf(subjects, watching, clock),
    poll: () => tail.poll(),
    stop: () => tail.stop(),
    async settled() {
      await entitlements.settled();
      await effects.settled();
    },
  };
}

function subjectsOf(subjects: Subjects, { tenant, user, client }: Caller): readonly Subject[] {
  const ofUser = user.kind === 'user' ? [subjects.touch(tenant, 'user', user.principal)] : [];
  return [...ofUser, subjects.touch(tenant, 'client', client)];
}

/** What one person does on purpose is held against that person, or they could have an application stopped that others share. */
function readerOf(subjects: Subjects, caller: Caller): readonly Subject[] {
  return subjectsOf(subjects, caller).slice(0, 1);
}

/** What follows for somebody of what was just counted. */
function createJudge(
  { watching }: WatchParts,
  subjects: Subjects,
  effects: ReturnType<typeof createEffects>,
): (subject: Subject, caller: Caller, now: number) => void {
  return (subject, caller, now) => {
    for (const found of tripped(subject, rulesFor(watching, subject.tenant), now)) {
      const until = apply(subjects.hold, subject, found, now);
      const last = subject.told.get(ruleName(found.rule));
      // What holds for minutes is told of again when it begins again; an alert once a window.
      const quietMs = found.rule.action === 'alert' ? windowMs(found.rule.in) : found.rule.minutes * 60_000;
      if (last !== undefined && now - last < quietMs) continue;
      subject.told.set(ruleName(found.rule), now);
      effects.tell(subject, found, until, distinctCount(subject[found.rule.in], now));
      if (found.rule.action === 'switch') effects.throwSwitch(subject, found, caller);
    }
  };
}

function heldUser(heldOf: (tenant: TenantId, principal: string) => Hold | undefined, { tenant, user }: Caller): Hold | undefined {
  return user.kind === 'user' ? heldOf(tenant, user.principal) : undefined;
}

function admission(holds: readonly (Hold | undefined)[], now: number): Admission {
  let blocked = 0;
  let limit: number | 'unlimited' = 'unlimited';
  for (const held of holds) {
    if (held === undefined) continue;
    blocked = Math.max(blocked, held.blockedUntil);
    if (held.limitedUntil > now) limit = limit === 'unlimited' ? held.limit : Math.min(limit, held.limit);
  }
  return blocked > now ? { kind: 'block', retryAfter: Math.ceil((blocked - now) / 1_000) } : { kind: 'pass', limit };
}

/** From the next request on, before anything is written. The moment until which it holds. */
function apply(
  hold: (tenant: TenantId, principal: Subject['principal'], now: number) => Hold,
  { tenant, principal }: Subject,
  { rule }: Tripped,
  now: number,
): number {
  const until = now + rule.minutes * 60_000;
  if (rule.action === 'alert') return until;
  const held = hold(tenant, principal, now);
  if (rule.action === 'limit') {
    held.limit = held.limitedUntil > now ? Math.min(held.limit, rule.limit) : rule.limit;
    held.limitedUntil = until;
  } else held.blockedUntil = until;
  return until;
}
