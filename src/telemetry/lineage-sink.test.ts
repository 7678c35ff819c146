import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startCollector, type Collector } from '../../test/support/collector.ts';
import { silentTelemetry, type Telemetry } from '../core/ports/telemetry.ts';
import { createLineageSink, type StoppableSink } from './lineage-sink.ts';

let collector: Collector;
let sink: StoppableSink;
let counted: Record<string, number> = {};

const telemetry: Telemetry = {
  ...silentTelemetry,
  count: (_counter, labels = {}, by = 1) => void (counted[String(labels['outcome'])] = (counted[String(labels['outcome'])] ?? 0) + by),
};
// Patient: what a stalled machine answers late is not sent twice.
const LIMITS = { queue: 3, deadlineMs: 20_000, retryMs: 5, longestRetryMs: 20, stopMs: 20_000 };

beforeEach(async () => {
  counted = {};
  collector = await startCollector();
  sink = sinkWith({});
  return () => collector.close();
});
afterEach(() => sink.close());

function sinkWith(limits: Partial<typeof LIMITS>): StoppableSink {
  return createLineageSink({ url: `${collector.url}/api/v1/lineage`, token: 'secret', telemetry, limits: { ...LIMITS, ...limits } });
}

const bodies = (): readonly unknown[] => collector.received.map(({ body }) => body);

describe('the sink of lineage events', () => {
  it('posts each event, in order, as JSON with the token', async () => {
    sink.emit({ n: 1 });
    sink.emit({ n: 2 });
    await expect.poll(bodies).toEqual([{ n: 1 }, { n: 2 }]);
    expect(collector.received[0]).toMatchObject({
      path: '/api/v1/lineage',
      headers: { authorization: 'Bearer secret', 'content-type': 'application/json' },
    });
    sink.emit({ n: 3 });
    await expect.poll(() => counted).toEqual({ sent: 3 });
  });

  it('repeats where the receiver is away, hangs, or asks to, and keeps the order', async () => {
    sink = sinkWith({ deadlineMs: 2_000 });
    collector.answer(503, 'hang', 429);
    sink.emit({ n: 1 });
    sink.emit({ n: 2 });
    // Counted where the answer has come back, a moment after the receiver holds the body.
    await expect.poll(() => counted).toEqual({ retried: 3, sent: 2 });
    expect(bodies()).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it('does not repeat what the receiver calls wrong', async () => {
    collector.answer(422);
    sink.emit({ n: 1 });
    sink.emit({ n: 2 });
    await expect.poll(() => counted).toEqual({ refused: 1, sent: 1 });
    expect(bodies()).toEqual([{ n: 2 }]);
  });

  it('holds no more than it may, drops what comes then, and a stop ends', async () => {
    sink = sinkWith({ stopMs: 200 });
    collector.answer(...Array.from({ length: 50 }, () => 'hang' as const));
    for (let n = 0; n < 5; n++) sink.emit({ n });
    expect(counted).toEqual({ dropped: 2 });
    await sink.close();
    expect(counted['dropped']).toBe(5);
    sink.emit({ n: 9 });
    expect(counted['dropped']).toBe(6);
    expect(bodies()).toEqual([]);
  });

  it('delivers what waits when it is closed', async () => {
    sink.emit({ n: 1 });
    sink.emit({ n: 2 });
    await sink.close();
    expect(bodies()).toEqual([{ n: 1 }, { n: 2 }]);
  });
});
