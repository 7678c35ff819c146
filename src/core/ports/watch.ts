import type { Caller } from '../caller.ts';
import type { DocumentKey } from '../ids.ts';
import type { TenantView } from './catalog.ts';

/** `limit`: no more chunks than this in one answer. */
export type Admission =
  | { readonly kind: 'pass'; readonly limit: number | 'unlimited' }
  | {
      readonly kind: 'block';
      /** Seconds. */
      readonly retryAfter: number;
    };

/** Who reads how much of what they may. Never waits, never fails: what it learns goes to alerts and to the next `admit`. */
export interface Watch {
  /** Before anything is decided for a request that reads. */
  admit(caller: Caller): Admission;
  /** A release became durable: the documents that its chunks are of, each once. `index`: its place in the tenant's log, where that is known. */
  released(caller: Caller, view: TenantView, documents: readonly DocumentKey[], index?: number): void;
  /** Bait would have been in an answer. It was dropped before fusion, so the answer is the same without it. */
  bait(caller: Caller, documents: readonly DocumentKey[]): void;
  /** A request named something by id that is hidden or missing. */
  nearMiss(caller: Caller): void;
}

/** For tests and tools that watch nobody. */
export const unwatched: Watch = {
  admit: () => ({ kind: 'pass', limit: 'unlimited' }),
  released() {},
  bait() {},
  nearMiss() {},
};
