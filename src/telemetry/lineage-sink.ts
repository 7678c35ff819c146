import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import type { JsonObject } from '../core/json.ts';
import type { LineageSink } from '../core/ports/lineage.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';

export interface LineageSinkOptions {
  /** Where events are posted, such as `http://marquez:5000/api/v1/lineage`. */
  readonly url: string;
  readonly token: string | undefined;
  readonly telemetry: Telemetry;
  readonly limits?: Partial<LineageLimits>;
}

export interface LineageLimits {
  /** Events held in memory; beyond it the newest is dropped, since the first of a run make sense of the others. */
  readonly queue: number;
  /** Milliseconds: one delivery; the shortest and the longest wait after a failed one; how long a stop waits for what is left. */
  readonly deadlineMs: number;
  readonly retryMs: number;
  readonly longestRetryMs: number;
  readonly stopMs: number;
}

const LIMITS: LineageLimits = { queue: 10_000, deadlineMs: 10_000, retryMs: 1_000, longestRetryMs: 60_000, stopMs: 5_000 };

export interface StoppableSink extends LineageSink {
  close(): Promise<void>;
}

/**
 * Posts events one after another, in order, each until it is taken: at least once, for as long as this process lives. What the receiver
 * calls wrong (4xx, but for 408, 425 and 429) is not sent again. What is not delivered is counted, and never held up ingestion.
 */
export function createLineageSink({ url, token, telemetry, limits: given = {} }: LineageSinkOptions): StoppableSink {
  const limits = { ...LIMITS, ...given };
  const stop = new AbortController();
  const agent = new Agent({ connections: 1, connect: { timeout: limits.deadlineMs } });
  const post = postTo(url, token, agent, limits.deadlineMs);
  const queue: string[] = [];
  let sending: Promise<void> | undefined;
  const drain = async (): Promise<void> => {
    for (let body = queue[0]; body !== undefined; body = queue[0]) {
      await untilTaken(body, { post, limits, telemetry, stop: stop.signal });
      queue.shift();
      telemetry.gauge('lineage_queue', queue.length);
    }
  };
  const start = (): Promise<void> =>
    drain()
      // Only a stop ends it early.
      .catch(() => undefined)
      // What came after the last look at the queue.
      .finally(() => {
        sending = queue.length > 0 && !stop.signal.aborted ? start() : undefined;
      });
  let closed = false;
  return {
    emit(event: JsonObject) {
      if (closed || queue.length >= limits.queue) return telemetry.count('lineage_events', { outcome: 'dropped' });
      queue.push(JSON.stringify(event));
      telemetry.gauge('lineage_queue', queue.length);
      sending ??= start();
    },
    async close() {
      closed = true;
      const timer = setTimeout(() => stop.abort(), limits.stopMs);
      await sending;
      clearTimeout(timer);
      if (queue.length > 0) telemetry.count('lineage_events', { outcome: 'dropped' }, queue.length);
      await agent.destroy();
    },
  };
}

type Outcome = 'sent' | 'refused' | 'retried';
type Post = (body: string, stop: AbortSignal) => Promise<Outcome>;

interface Delivery {
  readonly post: Post;
  readonly limits: LineageLimits;
  readonly telemetry: Telemetry;
  readonly stop: AbortSignal;
}

async function untilTaken(body: string, { post, limits, telemetry, stop }: Delivery): Promise<void> {
  for (let wait = limits.retryMs; ; wait = Math.min(2 * wait, limits.longestRetryMs)) {
    const outcome = await post(body, stop);
    telemetry.count('lineage_events', { outcome });
    if (outcome !== 'retried') return;
    await sleep(wait, undefined, { signal: stop });
  }
}

function postTo(url: string, token: string | undefined, dispatcher: Agent, deadlineMs: number): Post {
  const headers = { 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
  return async (body, stop) => {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(deadlineMs)]);
    try {
      const answer = await request(url, { method: 'POST', headers, body, dispatcher, signal });
      await answer.body.dump({ limit: 65_536, signal });
      return outcomeOf(answer.statusCode);
    } catch {
      return 'retried';
    }
  };
}

function outcomeOf(status: number): Outcome {
  if (status < 300) return 'sent';
  return status >= 500 || [408, 425, 429].includes(status) ? 'retried' : 'refused';
}
