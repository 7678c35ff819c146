import { LRUCache } from 'lru-cache';
import type { Caller } from '../core/caller.ts';
import type { Clock } from '../core/ports/clock.ts';
import type { IdentityLimits } from './limits.ts';

interface Entry {
  readonly caller: Caller;
  readonly generation: number;
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly until: number;
}

export interface TokenCache {
  /** Undefined where it is unknown, too old, past `exp`, or its issuer has taken a key out since. */
  get(digest: string): Caller | undefined;
  /** `generation` is that of the issuer's keys before verifying began. */
  set(caller: Caller, generation: number): void;
}

/** Verified tokens by SHA-256; bounded in tokens and in principals held, so that large group lists cannot fill the memory. */
export function createTokenCache(limits: IdentityLimits, clock: Clock, generationOf: (issuer: string) => number): TokenCache {
  const entries = new LRUCache<string, Entry>({
    max: limits.cacheMaxTokens,
    maxSize: limits.cacheMaxPrincipals,
    sizeCalculation: ({ caller }) => 2 + (caller.user.kind === 'user' ? caller.user.groups.length : 0) + caller.actorChain.length,
  });
  return {
    get(digest) {
      const entry = entries.get(digest);
      if (entry === undefined) return undefined;
      const now = clock.now();
      if (now >= entry.from && now < entry.until && entry.generation === generationOf(entry.caller.issuer)) return entry.caller;
      entries.delete(digest);
      return undefined;
    },
    set(caller, generation) {
      const from = clock.now();
      entries.set(caller.tokenDigest, { caller, generation, from, until: Math.min(caller.expiresAt * 1_000, from + limits.cacheMaxAgeMs) });
    },
  };
}
