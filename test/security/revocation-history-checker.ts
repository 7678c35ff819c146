/** One request and what it released, on the one monotonic clock of the run, in milliseconds. */
export interface Read {
  readonly start: number;
  readonly end: number;
  readonly caller: string;
  readonly replica: 'a' | 'b';
  readonly kind: 'retrieve' | 'count';
  /** The one document that was counted; undefined where any could have been released. */
  readonly asked: string | undefined;
  readonly released: ReadonlySet<string>;
}

/** A revocation (`open: false`) or its end, from its request to its acknowledgement. */
export interface Flip {
  readonly open: boolean;
  readonly begin: number;
  readonly acknowledged: number;
}

/** Something that must be open for a caller to read a document. Its flips follow each other without overlapping. */
export interface Lock {
  readonly name: string;
  readonly flips: readonly Flip[];
  covers(document: string, caller: string): boolean;
}

export interface Violation {
  readonly lock: string;
  readonly document: string;
  readonly read: Read;
  readonly revoked: Flip;
}

export interface Verdict {
  readonly violations: readonly Violation[];
  /** Requests that started after the acknowledgement of a revocation that touched what they asked for, and ended before its end began. */
  readonly trials: number;
  /** Of these, counts; and those that the replica answered which did not make the change last. */
  readonly counts: number;
  /** Requests that were under way while a revocation was. */
  readonly racing: number;
  readonly revocations: number;
  /** Revocations before which no request had released what they took away: they would show nothing. */
  readonly unshown: readonly string[];
}

/** The revocation in force during all of the read, by real time; undefined where there is none or it is not certain. */
export function shutDuring({ flips }: Lock, { start, end }: Pick<Read, 'start' | 'end'>): Flip | undefined {
  const index = lastBefore(flips, start);
  const before = flips[index];
  const next = flips[index + 1];
  if (before === undefined || before.open) return undefined;
  return next !== undefined && next.begin < end ? undefined : before;
}

/** Position of the last flip that was acknowledged by `moment`; -1 for none. */
function lastBefore(flips: readonly Flip[], moment: number): number {
  let [low, high] = [0, flips.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((flips[middle]?.acknowledged ?? Infinity) <= moment) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Judges a whole history. Nothing is assumed of requests and changes that overlap. */
export function check(reads: readonly Read[], locks: readonly Lock[], documents: readonly string[]): Verdict {
  const violations: Violation[] = [];
  let [trials, counts, racing] = [0, 0, 0];
  for (const read of reads) {
    const asked = read.asked === undefined ? documents : [read.asked];
    const touching = locks.filter((lock) => asked.some((document) => lock.covers(document, read.caller)));
    const shut = touching.flatMap((lock) => {
      const revoked = shutDuring(lock, read);
      return revoked === undefined ? [] : [{ lock, revoked }];
    });
    for (const { lock, revoked } of shut) {
      const leaked = [...read.released].filter((document) => lock.covers(document, read.caller));
      violations.push(...leaked.map((document) => ({ lock: lock.name, document, read, revoked })));
    }
    if (shut.length > 0) trials += 1;
    if (shut.length > 0 && read.kind === 'count') counts += 1;
    if (touching.some((lock) => races(lock, read))) racing += 1;
  }
  const revocations = locks.reduce((sum, { flips }) => sum + flips.filter(({ open }) => !open).length, 0);
  return { violations, trials, counts, racing, revocations, unshown: unshown(reads, locks) };
}

/** A revocation was under way while the request was. */
function races({ flips }: Lock, { start, end }: Read): boolean {
  for (let index = lastBefore(flips, start) + 1; (flips[index]?.begin ?? Infinity) < end; index++) {
    if (flips[index]?.open === false) return true;
  }
  return false;
}

function unshown(reads: readonly Read[], locks: readonly Lock[]): readonly string[] {
  return locks.flatMap((lock) => {
    const covered = reads.filter(({ released, caller }) => [...released].some((document) => lock.covers(document, caller)));
    const shown = covered.toSorted((a, b) => a.end - b.end);
    let [next, latest] = [0, -Infinity];
    return lock.flips.flatMap((flip, index) => {
      // Of the requests that had ended, the one that started last decides whether any started since the last grant.
      for (let read = shown[next]; read !== undefined && read.end <= flip.begin; read = shown[(next += 1)]) {
        latest = Math.max(latest, read.start);
      }
      const since = lock.flips[index - 1]?.acknowledged ?? -Infinity;
      return flip.open || (latest >= since && latest !== -Infinity) ? [] : [`${lock.name} at ${flip.begin.toFixed(0)}`];
    });
  });
}
