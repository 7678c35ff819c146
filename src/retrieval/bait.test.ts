import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { namedDocument } from '../core/audit-names.ts';
import type { DocumentId, DocumentKey } from '../core/ids.ts';
import { AppError } from '../core/errors.ts';
import type { AuditEvent } from '../core/ports/audit.ts';
import { unwatched, type Watch } from '../core/ports/watch.ts';
import { reportBait, touchedBait, type RankedHit } from './bait.ts';
import { fuse } from './fuse.ts';
import type { Bait } from './judge.ts';
import { CALLER, chunkId, countedTelemetry, HANDBOOK } from './retrieval.fixture.ts';

const key = (n: number): DocumentKey => `key-${n}` as DocumentKey;
const bait = (n: number): Bait => ({ key: key(n), source: HANDBOOK, document: `d${n}` as DocumentId });
const hit = (n: number, of?: Bait): RankedHit => ({ chunk: chunkId(n), bait: of });

describe('touchedBait', () => {
  it('names what would have been among the first of the answer, each document once', () => {
    const leg = [hit(0), hit(1, bait(1)), hit(2, bait(1)), hit(3), hit(4, bait(4))];
    expect(touchedBait([leg], 5)).toEqual([bait(1), bait(4)]);
    expect(touchedBait([leg], 2)).toEqual([bait(1)]);
    expect(touchedBait([leg], 1)).toEqual([]);
    expect(touchedBait([], 5)).toEqual([]);
    expect(touchedBait([[hit(0)], [hit(1)]], 5)).toEqual([]);
  });

  it('is what a fusion with the bait among the hits would have released', () => {
    const hits = fc.uniqueArray(fc.integer({ min: 0, max: 30 }), { maxLength: 20 });
    fc.assert(
      fc.property(hits, hits, fc.integer({ min: 1, max: 20 }), (first, second, limit) => {
        // Every third chunk is bait, three chunks a document.
        const legs = [first, second].map((leg) => leg.map((n) => hit(n, n % 3 === 0 ? bait(n % 9) : undefined)));
        const released = fuse(legs.map((leg) => leg.map(({ chunk }) => chunk))).slice(0, limit);
        const expected = new Set(
          Array.from({ length: 31 }, (_, n) => n)
            .filter((n) => n % 3 === 0 && released.some(({ chunk }) => chunk === chunkId(n)))
            .map((n) => key(n % 9)),
        );
        expect(new Set(touchedBait(legs, limit).map((one) => one.key))).toEqual(expected);
      }),
    );
  });
});

describe('reportBait', () => {
  function told() {
    const seen: (readonly DocumentKey[])[] = [];
    const watch: Watch = { ...unwatched, bait: (_caller, documents) => void seen.push(documents) };
    const events: AuditEvent[] = [];
    const telemetry = countedTelemetry();
    const append = async (event: AuditEvent) => {
      events.push(event);
      return { index: 0, leaf: '' };
    };
    return { seen, watch, events, telemetry, append };
  }

  it('tells the watch, the metric and the log, once a request', () => {
    const { seen, watch, events, telemetry, append } = told();
    reportBait({ watch, telemetry, audit: { append } }, CALLER, 'r-1', [bait(1), bait(2)]);
    expect(seen).toEqual([[key(1), key(2)]]);
    expect(telemetry.counts).toEqual([{ counter: 'bait_hits', labels: {}, by: 2 }]);
    expect(events).toMatchObject([
      {
        kind: 'honey.touched',
        requestId: 'r-1',
        body: { documents: [1, 2].map((n) => ({ source: HANDBOOK, document: namedDocument(HANDBOOK, `d${n}`) })) },
      },
    ]);
  });

  it('says nothing of a request that met none', () => {
    const { seen, watch, events, telemetry, append } = told();
    reportBait({ watch, telemetry, audit: { append } }, CALLER, 'r-1', []);
    expect([seen, telemetry.counts, events]).toEqual([[], [], []]);
  });

  it('says in the log that the event is missing, and fails nothing', async () => {
    const { seen, watch, telemetry } = told();
    const append = () => Promise.reject(new AppError('audit_unavailable'));
    reportBait({ watch, telemetry, audit: { append } }, CALLER, 'r-1', [bait(1)]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toHaveLength(1);
    expect(telemetry.errors).toEqual(['that bait was touched could not be written; the release names it']);
  });
});
