import type { TenantId } from '../core/ids.ts';
import type { Principal } from '../core/principal.ts';
import { distinct, see, type Distinct, type Ticks } from './watch-window.ts';

export type SubjectKind = 'user' | 'client';

/** What is known of one user or one client of one tenant. */
export interface Subject {
  readonly tenant: TenantId;
  readonly principal: Principal;
  readonly kind: SubjectKind;
  readonly hour: Distinct;
  readonly day: Distinct;
  readonly week: Distinct;
  readonly nearMisses: Ticks;
  /** Bait that they came upon, and when last, milliseconds. */
  readonly bait: Map<number, number>;
  /** When each rule was last told of, milliseconds, by the rule's name. */
  readonly told: Map<string, number>;
  entitlement: Entitlement | undefined;
}

export interface Entitlement {
  readonly documents: number;
  readonly generation: number;
  readonly through: Principal;
  readonly counts: object;
}

/** What holds for a subject until a moment in milliseconds; kept apart, so that a subject that is forgotten stays held. */
export interface Hold {
  readonly tenant: TenantId;
  readonly principal: Principal;
  blockedUntil: number;
  limitedUntil: number;
  limit: number;
}

export interface SubjectLimits {
  /** Users and clients of all tenants; beyond it those seen longest ago are forgotten. */
  readonly subjects: number;
  /** Hashes kept for all of them. */
  readonly samples: number;
}

export const SUBJECT_LIMITS: SubjectLimits = { subjects: 10_000, samples: 2_000_000 };
const MAX_HOLDS = 10_000;
/** A rule file may change its thresholds; what was told under former ones need not be kept. */
const MAX_TOLD = 128;

export interface Subjects {
  /** Found or made, and the one seen last. */
  touch(tenant: TenantId, kind: SubjectKind, principal: Principal): Subject;
  record(subject: Subject, hashes: readonly number[], now: number): void;
  hold(tenant: TenantId, principal: Principal, now: number): Hold;
  heldOf(tenant: TenantId, principal: string): Hold | undefined;
  forget(tenant: TenantId, principal: string): void;
  knows(tenant: TenantId, principal: string): boolean;
  all(): IterableIterator<Subject>;
  holds(): IterableIterator<Hold>;
  size(): number;
}

const keyOf = (tenant: TenantId, principal: string): string => `${tenant} ${principal}`;
const samplesOf = ({ hour, day, week }: Subject): number => hour.seen.size + day.seen.size + week.seen.size;

/** In memory of this replica, and bounded: subjects in the order in which they were last seen. */
export function createSubjects(limits: SubjectLimits = SUBJECT_LIMITS): Subjects {
  const known = new Map<string, Subject>();
  const holds = createHolds();
  let samples = 0;

  const remove = (key: string, subject: Subject): void => {
    known.delete(key);
    samples -= samplesOf(subject);
  };
  const makeRoom = (): void => {
    for (const [key, subject] of known) {
      // The one seen last stays: it is the one being recorded.
      if (known.size <= 1 || (known.size <= limits.subjects && samples <= limits.samples)) return;
      remove(key, subject);
    }
  };

  return {
    touch(tenant, kind, principal) {
      const key = keyOf(tenant, principal);
      const found = known.get(key);
      // Deleted and set again, it is the last.
      if (found !== undefined) known.delete(key);
      const subject = found ?? subjectOf(tenant, kind, principal);
      known.set(key, subject);
      if (found === undefined) makeRoom();
      return subject;
    },
    record(subject, hashes, now) {
      const before = samplesOf(subject);
      for (const hash of hashes) {
        see(subject.hour, hash, now, subject.week);
        see(subject.day, hash, now, subject.week);
        see(subject.week, hash, now, undefined);
      }
      samples += samplesOf(subject) - before;
      if (subject.told.size > MAX_TOLD) subject.told.clear();
      makeRoom();
    },
    hold: holds.hold,
    heldOf: holds.heldOf,
    forget(tenant, principal) {
      const key = keyOf(tenant, principal);
      const found = known.get(key);
      if (found !== undefined) remove(key, found);
      holds.drop(key);
    },
    knows: (tenant, principal) => known.has(keyOf(tenant, principal)) || holds.heldOf(tenant, principal) !== undefined,
    all: () => known.values(),
    holds: holds.all,
    size: () => known.size,
  };
}

function createHolds(): Pick<Subjects, 'hold' | 'heldOf'> & { drop(key: string): void; all(): IterableIterator<Hold> } {
  const holds = new Map<string, Hold>();
  return {
    hold(tenant, principal, now) {
      const key = keyOf(tenant, principal);
      const known = holds.get(key);
      if (known !== undefined) return known;
      if (holds.size >= MAX_HOLDS) dropHold(holds, now);
      const made: Hold = { tenant, principal, blockedUntil: 0, limitedUntil: 0, limit: 100 };
      holds.set(key, made);
      return made;
    },
    heldOf: (tenant, principal) => holds.get(keyOf(tenant, principal)),
    drop: (key) => void holds.delete(key),
    all: () => holds.values(),
  };
}

function subjectOf(tenant: TenantId, kind: SubjectKind, principal: Principal): Subject {
  return {
    tenant,
    principal,
    kind,
    hour: distinct('hour'),
    day: distinct('day'),
    week: distinct('week'),
    nearMisses: { slices: new Map() },
    bait: new Map(),
    told: new Map(),
    entitlement: undefined,
  };
}

/** Those that have ended; where none has, the one that ends first. */
function dropHold(holds: Map<string, Hold>, now: number): void {
  const endOf = ({ blockedUntil, limitedUntil }: Hold): number => Math.max(blockedUntil, limitedUntil);
  let first: readonly [string, Hold] | undefined;
  for (const entry of holds) {
    if (endOf(entry[1]) <= now) holds.delete(entry[0]);
    else if (first === undefined || endOf(entry[1]) < endOf(first[1])) first = entry;
  }
  if (holds.size >= MAX_HOLDS && first !== undefined) holds.delete(first[0]);
}
