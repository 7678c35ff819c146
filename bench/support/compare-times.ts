import { median } from './table.ts';

export interface Comparison {
  readonly medians: readonly [number, number];
  /** Median of the first less median of the second, in the unit of the samples. */
  readonly difference: number;
  /** 95 %, by bootstrap over blocks of the run, since neighbouring samples share the machine's moods. */
  readonly interval: readonly [number, number];
  /** How often a random sample of the first is above one of the second; 0.5 says nothing. */
  readonly probability: number;
  /** Mann-Whitney, two-sided, normal approximation with ties. */
  readonly p: number;
}

const RESAMPLES = 1_000;
const BLOCK = 50;

/** Two series that were taken in turns, sample by sample. */
export function compared(first: readonly number[], second: readonly number[]): Comparison {
  const medians = [median(first), median(second)] as const;
  const { probability, p } = mannWhitney(first, second);
  return { medians, difference: medians[0] - medians[1], interval: bootstrap(first, second), probability, p };
}

function bootstrap(first: readonly number[], second: readonly number[]): readonly [number, number] {
  const blocks = Math.ceil(first.length / BLOCK);
  const differences = Array.from({ length: RESAMPLES }, () => {
    const starts = Array.from({ length: blocks }, () => Math.floor(Math.random() * blocks) * BLOCK);
    const drawn = (series: readonly number[]): readonly number[] => starts.flatMap((start) => series.slice(start, start + BLOCK));
    return median(drawn(first)) - median(drawn(second));
  }).sort((a, b) => a - b);
  return [differences[Math.floor(RESAMPLES * 0.025)] ?? 0, differences[Math.floor(RESAMPLES * 0.975)] ?? 0];
}

function mannWhitney(first: readonly number[], second: readonly number[]): { readonly probability: number; readonly p: number } {
  const all = [...first.map((value) => ({ value, own: 1 })), ...second.map((value) => ({ value, own: 0 }))].sort(
    (a, b) => a.value - b.value,
  );
  let ranks = 0;
  let ties = 0;
  for (let start = 0; start < all.length;) {
    let end = start;
    while (end < all.length && all[end]?.value === all[start]?.value) end += 1;
    const own = all.slice(start, end).reduce((sum, one) => sum + one.own, 0);
    ranks += own * ((start + end + 1) / 2);
    ties += (end - start) ** 3 - (end - start);
    start = end;
  }
  const [n, m] = [first.length, second.length];
  const u = ranks - (n * (n + 1)) / 2;
  const total = n + m;
  const deviation = Math.sqrt(((n * m) / 12) * (total + 1 - ties / (total * (total - 1))));
  const z = deviation === 0 ? 0 : Math.abs(u - (n * m) / 2) / deviation;
  return { probability: u / (n * m), p: 2 * (1 - normal(z)) };
}

/** Distribution of the standard normal, by Abramowitz and Stegun 26.2.17; off by 7.5e-8 at most. */
function normal(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const sum = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return 1 - (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * sum;
}
