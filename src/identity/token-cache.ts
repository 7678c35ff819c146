import { LRUCache } from 'lru-cache';
import type { Caller } from '../core/caller.ts';
import type { Clock } from '../core/ports/clock.ts';
import type { Confirmation } from './confirmation.ts';
import type { IdentityLimits } from './limits.ts';

/** A caller, and the key that whoever presents the token has to prove each time anew. */
export interface Known {
  readonly caller: Caller;
  readonly confirmation: Confirmation;
}

interface Entry extends Known {
  readonly generation: number;
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly until: number;
}

export interface TokenCache {
  /** Undefined where it is unknown, too old, past `exp`, or its issuer has taken a key out since. */
  get(digest: string): Known | undefined;
  /** `generation` is that of the issuer's keys before verifying began; `maxAgeMs` where it may be kept for less than the limit. */
  set(known: Known, generation: number, maxAgeMs?: number): void;
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
      if (now >= entry.from && now < entry.until && entry.generation === generationOf(entry.caller.issuer)) return entry;
      entries.delete(digest);
      return undefined;
    },
    set({ caller, confirmation }, generation, maxAgeMs = limits.cacheMaxAgeMs) {
      const from = clock.now();
      const until = Math.min(caller.expiresAt * 1_000, from + Math.min(maxAgeMs, limits.cacheMaxAgeMs));
      if (until > from) entries.set(caller.tokenDigest, { caller, confirmation, generation, from, until });
    },
  };
}
