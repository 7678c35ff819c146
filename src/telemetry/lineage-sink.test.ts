import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
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
const limits = { queue: 3, deadlineMs: 200, retryMs: 5, longestRetryMs: 20, stopMs: 200 };

beforeEach(async () => {
  counted = {};
  collector = await startCollector();
  sink = createLineageSink({ url: `${collector.url}/api/v1/lineage`, token: 'secret', telemetry, limits });
  return () => collector.close();
});
afterEach(() => sink.close());

const bodies = (): readonly unknown[] => collector.received.map(({ body }) => body);

describe('the sink of lineage events', () => {
  it('posts each event, in order, as JSON with the token', async () => {
    sink.emit({ n: 1 });
    sink.emit({ n: 2 });
    await vi.waitFor(() => expect(bodies()).toEqual([{ n: 1 }, { n: 2 }]), { timeout: 10_000 });
    expect(collector.received[0]).toMatchObject({
      path: '/api/v1/lineage',
      headers: { authorization: 'Bearer secret', 'content-type': 'application/json' },
    });
    sink.emit({ n: 3 });
    await vi.waitFor(() => expect(counted).toEqual({ sent: 3 }), { timeout: 10_000 });
  });

  it('repeats where the receiver is away, hangs, or asks to, and keeps the order', async () => {
    collector.answer(503, 'hang', 429);
    sink.emit({ n: 1 });
    sink.emit({ n: 2 });
    // Counted where the answer has come back, a moment after the receiver holds the body.
    await vi.waitFor(() => expect(counted).toEqual({ retried: 3, sent: 2 }), { timeout: 5_000 });
    expect(bodies()).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it('does not repeat what the receiver calls wrong', async () => {
    collector.answer(422);
    sink.emit({ n: 1 });
    sink.emit({ n: 2 });
    await vi.waitFor(() => expect(counted).toEqual({ refused: 1, sent: 1 }), { timeout: 5_000 });
    expect(bodies()).toEqual([{ n: 2 }]);
  });

  it('holds no more than it may, drops what comes then, and a stop ends', async () => {
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
