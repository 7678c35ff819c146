import type { Clock } from '../core/ports/clock.ts';
import type { OnceGuard } from '../core/ports/identity.ts';

/** Bounded: a full memory refuses rather than forget what was used. */
const MAX_KEYS = 100_000;

/** Remembers in this process alone, which is enough where nothing else takes the same tokens. */
export function onceInMemory(clock: Clock): OnceGuard {
  const seen = new Map<string, number>();
  return {
    async useOnce(key, until) {
      const now = clock.now() / 1_000;
      if (seen.size >= MAX_KEYS) {
        for (const [known, end] of seen) if (end <= now) seen.delete(known);
      }
      const known = seen.get(key);
      if ((known !== undefined && known > now) || seen.size >= MAX_KEYS) return false;
      seen.set(key, until);
      return true;
    },
  };
}
