import { isIPv6 } from 'node:net';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { Caller } from '../../core/caller.ts';
import { AppError } from '../../core/errors.ts';
import type { RateLimits } from './limits.ts';

const WINDOW_SECONDS = 60;

/** Header fields of the IETF draft "RateLimit header fields for HTTP". */
export type RateHeaders = Readonly<Record<'ratelimit' | 'ratelimit-policy', string>>;

export interface RateLimiter {
  /** One request of this caller's client and user. Fails with `rate_limited`. */
  consume(caller: Caller): Promise<RateHeaders>;
  /** Takes nothing: fails with `rate_limited` where `consume` would. */
  demandRoom(caller: Caller): Promise<void>;
  /** One refused token from this address. Fails with `rate_limited` where there were too many. */
  noteFailure(address: string): Promise<void>;
}

interface Limit {
  readonly name: string;
  readonly points: number;
  readonly limiter: RateLimiterMemory;
}

function limit(name: string, points: number): Limit {
  return { name, points, limiter: new RateLimiterMemory({ keyPrefix: name, points, duration: WINDOW_SECONDS }) };
}

function seconds(milliseconds: number): number {
  return Math.max(1, Math.ceil(milliseconds / 1_000));
}

function refusal(result: RateLimiterRes): AppError {
  return new AppError('rate_limited', { retryAfter: seconds(result.msBeforeNext) });
}

async function consume({ limiter }: Limit, key: string): Promise<RateLimiterRes> {
  try {
    return await limiter.consume(key);
  } catch (result) {
    throw result instanceof RateLimiterRes ? refusal(result) : result;
  }
}

async function demandRoom({ limiter, points }: Limit, key: string): Promise<void> {
  const used = await limiter.get(key);
  if (used !== null && used.consumedPoints >= points) throw refusal(used);
}

function remaining({ name }: Limit, result: RateLimiterRes): string {
  return `"${name}";r=${result.remainingPoints};t=${seconds(result.msBeforeNext)}`;
}

function policy({ name, points }: Limit): string {
  return `"${name}";q=${points};w=${WINDOW_SECONDS}`;
}

/** An IPv6 host commands a /64, so the whole of it is one address here. */
export function addressKey(address: string): string {
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address;
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = plain.split('::');
  const groups = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - groups.length - after.length) }, () => '0');
  return [...groups, ...zeros, ...after].slice(0, 4).join(':');
}

/** Counts in this process: with n replicas a caller gets up to n times as much. Windows of a minute. */
export function createRateLimiter(rates: RateLimits): RateLimiter {
  const client = limit('client', rates.clientPerMinute);
  const user = limit('user', rates.userPerMinute);
  const failures = limit('failures', rates.failuresPerMinute);
  const both = `${policy(client)}, ${policy(user)}`;
  return {
    async consume(caller) {
      // The user first: who is over their own limit must not use up what their application has for everybody else.
      const ofUser = caller.user.kind === 'none' ? undefined : await consume(user, `${caller.tenant} ${caller.user.principal}`);
      const ofClient = await consume(client, `${caller.tenant} ${caller.client}`);
      if (ofUser === undefined) return { ratelimit: remaining(client, ofClient), 'ratelimit-policy': policy(client) };
      return { ratelimit: `${remaining(client, ofClient)}, ${remaining(user, ofUser)}`, 'ratelimit-policy': both };
    },
    async demandRoom(caller) {
      if (caller.user.kind === 'user') await demandRoom(user, `${caller.tenant} ${caller.user.principal}`);
      await demandRoom(client, `${caller.tenant} ${caller.client}`);
    },
    noteFailure: async (address) => void (await consume(failures, addressKey(address))),
  };
}
