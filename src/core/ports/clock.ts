/** Wall clock, milliseconds since 1970. Validity of ACLs and documents is judged on database time instead. */
export interface Clock {
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };
