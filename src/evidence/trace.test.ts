import { describe, expect, it } from 'vitest';
import type { SourceId } from '../core/ids.ts';
import type { JsonObject } from '../core/json.ts';
import type { AuditEvent, StoredAuditEvent } from '../core/ports/audit.ts';
import type { EpochStamp } from '../core/ports/catalog.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import type { PolicyObject } from '../core/zone.ts';
import { ACME, CALLER, fakeCatalog, fakePolicy, HANDBOOK, label, source, view, zone } from '../retrieval/retrieval.fixture.ts';
import { traceRequest, type TraceParts } from './trace.ts';

const WIKI = 'wiki' as SourceId;
const VIEW = view(
  [zone(1), zone(2, label('restricted')), zone(3, label('public'), WIKI)],
  [source(), source({ id: WIKI, label: label('internal') })],
);

function event(kind: AuditEvent['kind'], body: JsonObject): StoredAuditEvent {
  return { tenant: ACME, kind, requestId: 'traced', body, index: 0, leaf: '', at: '2026-01-01T00:00:00.000Z' };
}

const chunkIn = (of: string, zoneId: number): JsonObject => ({ chunk: `${of}-${zoneId}`, source: of, zone: zoneId });
const INTENT = event('intent', { limit: 3, restriction: { sources: ['handbook', 'wiki', 'unknown'], filter: null } });
const RELEASE = event('release', {
  counts: { released: 3 },
  label: { level: 'restricted' },
  context: { format: 'xml' },
  chunks: [chunkIn('handbook', 1), chunkIn('handbook', 2), chunkIn('wiki', 3)],
});

interface Given {
  readonly events?: readonly StoredAuditEvent[];
  readonly whole?: boolean;
  /** May audit objects of this source up to this level. */
  readonly may?: (object: PolicyObject) => boolean;
  readonly stamp?: EpochStamp | 'none';
}

function partsOf({ events = [INTENT, RELEASE], whole = false, may = () => false, stamp }: Given) {
  const written: AuditEvent[] = [];
  const policy: PolicyPort = {
    ...fakePolicy(),
    permitsTenant: () => (whole ? { kind: 'permit', rules: [] } : { kind: 'refuse', reason: 'denied' }),
    permits: (_view, _caller, action, object) =>
      action === 'audit' && may(object) ? { kind: 'permit', rules: [] } : { kind: 'refuse', reason: 'denied' },
  };
  const parts: TraceParts = {
    catalog: fakeCatalog({ candidates: () => [], view: () => VIEW, ...(stamp === 'none' ? { stamp: () => undefined } : {}) }),
    policy,
    audit: {
      append: async (one) => {
        written.push(one);
        return { index: 0, leaf: '' };
      },
      release: () => Promise.reject(new Error('not a part of tracing')),
      byRequest: async (_tenant, requestId) => events.filter((one) => one.requestId === requestId),
    },
  };
  return { parts, written };
}

const trace = (parts: TraceParts, traced = 'traced') => traceRequest(parts, CALLER, { requestId: 'reading', traced });

describe('traceRequest', () => {
  it('shows an auditor of the tenant everything, and records the reading', async () => {
    const { parts, written } = partsOf({ whole: true });
    expect(await trace(parts)).toEqual([INTENT, RELEASE]);
    expect(written).toEqual([
      {
        tenant: ACME,
        kind: 'audit.read',
        requestId: 'reading',
        body: { by: { '@person': 'user:idp|ada' }, through: 'client:idp|assistant', traced: 'traced', events: 2, whole: true },
      },
    ]);
  });

  it('shows an auditor of one source its chunks under labels they are cleared for, and nothing that speaks of others', async () => {
    const { parts, written } = partsOf({ may: (object) => object.source === HANDBOOK && object.label.level === 'public' });
    const [intent, release] = await trace(parts);
    expect(intent?.body).toEqual({ limit: 3, restriction: { sources: ['handbook'], filter: null } });
    expect(release?.body).toEqual({ counts: null, label: null, context: null, chunks: [chunkIn('handbook', 1)] });
    expect(written).toMatchObject([{ kind: 'audit.read', body: { whole: false } }]);
  });

  it('judges a chunk by its zone in its source, not by the source alone', async () => {
    const { parts } = partsOf({ may: (object) => object.source === HANDBOOK });
    const [, release] = await trace(parts);
    expect(release?.body['chunks']).toEqual([chunkIn('handbook', 1), chunkIn('handbook', 2)]);
    const forged = event('release', { chunks: [chunkIn('handbook', 3), chunkIn('gone', 1), { chunk: 'x', source: 'handbook' }] });
    await expect(trace(partsOf({ events: [forged], may: () => true }).parts)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('leaves labels where every chunk is the reader’s to audit, and no counts: other hits, bait among them, were refused', async () => {
    const { parts } = partsOf({ may: () => true });
    expect((await trace(parts))[1]).toEqual({ ...RELEASE, body: { ...RELEASE.body, counts: null } });
    expect((await trace(partsOf({ whole: true }).parts))[1]).toEqual(RELEASE);
  });

  it.each([
    ['whoever may audit nothing', partsOf({})],
    ['an auditor of a source that the request did not touch', partsOf({ may: (object) => object.source === ('other' as SourceId) })],
    [
      'an auditor of a source, for a request that released nothing',
      partsOf({ events: [INTENT, event('release', { chunks: [] })], may: () => true }),
    ],
    [
      'an auditor of a source, for what was no request',
      partsOf({ events: [event('document.deleted', { source: 'handbook' })], may: () => true }),
    ],
  ])('answers %s with not_found and records nothing', async (_who, { parts, written }) => {
    await expect(trace(parts)).rejects.toMatchObject({ code: 'not_found' });
    expect(written).toEqual([]);
  });

  it('does not know other requests, nor tenants that do not exist', async () => {
    await expect(trace(partsOf({ whole: true }).parts, 'another')).rejects.toMatchObject({ code: 'not_found' });
    await expect(trace(partsOf({ whole: true, stamp: 'none' }).parts)).rejects.toMatchObject({ code: 'invalid_token' });
  });

  it('shows nothing where the reading cannot be recorded', async () => {
    const { parts } = partsOf({ whole: true });
    const broken = { ...parts, audit: { ...parts.audit, append: () => Promise.reject(new Error('full')) } };
    await expect(trace(broken)).rejects.toThrow('full');
  });
});
