/** A moment in milliseconds since 1970, or none. */
export type End = number | 'forever';

/** Seconds since 1970, as documents carry it: [from, until). */
export interface Validity {
  readonly validFrom: number | 'always';
  readonly validUntil: End;
}

/** `at`: database time, milliseconds. */
export function isWithin({ validFrom, validUntil }: Validity, at: number): boolean {
  return (validFrom === 'always' || at >= validFrom * 1_000) && (validUntil === 'forever' || at < validUntil * 1_000);
}

/** Milliseconds. */
export function endOf({ validUntil }: Validity): End {
  return validUntil === 'forever' ? 'forever' : validUntil * 1_000;
}

export function earliest(ends: readonly End[]): End {
  const moments = ends.filter((end) => end !== 'forever');
  return moments.length === 0 ? 'forever' : Math.min(...moments);
}
