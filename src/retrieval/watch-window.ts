import type { DocumentKey } from '../core/ids.ts';
import type { WatchWindow } from '../core/watching.ts';

const MINUTE = 60_000;
/** Slices that a window slides by. One more than fills it is kept, so a window is never shorter than its name and at most a slice longer. */
const SHAPES: Readonly<Record<WatchWindow, { readonly sliceMs: number; readonly slices: number }>> = {
  hour: { sliceMs: 5 * MINUTE, slices: 12 },
  day: { sliceMs: 60 * MINUTE, slices: 24 },
  week: { sliceMs: 360 * MINUTE, slices: 28 },
};

export function windowMs(window: WatchWindow): number {
  return SHAPES[window].sliceMs * SHAPES[window].slices;
}

/** Exact up to here. Beyond, every second hash is kept, then every fourth, …: the estimate is off by 1/√1,024 ≈ 3 % (one σ). */
export const MAX_SAMPLES = 2_048;

const UNKNOWN = 0;
const KNOWN = 1;
const NOVEL = 2;

/** Which documents were seen in a window, as hashes. Oldest first in `seen`, as `slice * 4 + flag`. */
export interface Distinct {
  readonly window: WatchWindow;
  readonly seen: Map<number, number>;
  /** A hash is kept where its low `level` bits are 0. */
  level: number;
  slice: number;
  novel: number;
  known: number;
}

export function distinct(window: WatchWindow): Distinct {
  return { window, seen: new Map(), level: 0, slice: 0, novel: 0, known: 0 };
}

const kept = (hash: number, level: number): boolean => (hash & (2 ** level - 1)) === 0;

/** Moves the window to `now`. A clock that goes back moves nothing. */
function slide(held: Distinct, now: number): void {
  const { sliceMs, slices } = SHAPES[held.window];
  const slice = Math.floor(now / sliceMs);
  if (slice <= held.slice) return;
  held.slice = slice;
  for (const [hash, value] of held.seen) {
    if (value >= (slice - slices) * 4) break;
    drop(held, hash, value);
  }
  if (held.seen.size === 0) held.level = 0;
}

function drop(held: Distinct, hash: number, value: number): void {
  held.seen.delete(hash);
  tally(held, value & 3, -1);
}

function tally(held: Distinct, flag: number, by: number): void {
  if (flag === NOVEL) held.novel += by;
  else if (flag === KNOWN) held.known += by;
}

/** `memory`: the longer window that says whether it is new; it must not have been told of this sight yet. */
export function see(held: Distinct, hash: number, now: number, memory: Distinct | undefined): void {
  slide(held, now);
  if (!kept(hash, held.level)) return;
  const before = held.seen.get(hash);
  if (before !== undefined) {
    if (before >> 2 === held.slice) return;
    held.seen.delete(hash);
    held.seen.set(hash, held.slice * 4 + (before & 3));
    return;
  }
  const flag = memory === undefined || !kept(hash, memory.level) ? UNKNOWN : memory.seen.has(hash) ? KNOWN : NOVEL;
  held.seen.set(hash, held.slice * 4 + flag);
  tally(held, flag, 1);
  while (held.seen.size > MAX_SAMPLES) thin(held);
}

function thin(held: Distinct): void {
  held.level += 1;
  for (const [hash, value] of held.seen) if (!kept(hash, held.level)) drop(held, hash, value);
}

export function distinctCount(held: Distinct, now: number): number {
  slide(held, now);
  return held.seen.size * 2 ** held.level;
}

/** 0 to 1; 0 where nothing was seen. */
export function novelty(held: Distinct, now: number): number {
  slide(held, now);
  const judged = held.novel + held.known;
  return judged === 0 ? 0 : held.novel / judged;
}

/** How often something happened, by slices of the shortest window. */
export interface Ticks {
  readonly slices: Map<number, number>;
}

const TICK_MS = SHAPES.hour.sliceMs;

export function tick(ticks: Ticks, now: number): void {
  const slice = Math.floor(now / TICK_MS);
  ticks.slices.set(slice, (ticks.slices.get(slice) ?? 0) + 1);
  const oldest = slice - windowMs('week') / TICK_MS;
  for (const old of ticks.slices.keys()) {
    if (old >= oldest) break;
    ticks.slices.delete(old);
  }
}

export function tickCount(ticks: Ticks, window: WatchWindow, now: number): number {
  const from = Math.floor((now - windowMs(window)) / TICK_MS);
  let total = 0;
  for (const [slice, count] of ticks.slices) if (slice >= from) total += count;
  return total;
}

const MAX_BAIT = 256;

/** Different bait, not how often: it is told here and by the log, and counts once. */
export function touch(bait: Map<number, number>, hash: number, now: number): void {
  const before = bait.get(hash) ?? 0;
  if (bait.size < MAX_BAIT || before > 0) bait.set(hash, Math.max(before, now));
}

export function touchedSince(bait: Map<number, number>, from: number): number {
  let count = 0;
  for (const at of bait.values()) if (at > from) count += 1;
  return count;
}

/** The first 48 bits of a key, which is a digest. */
export function hashOfKey(key: DocumentKey): number {
  return Number.parseInt(key.slice(0, 8) + key.slice(9, 13), 16);
}
