import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startCollector, type Collector } from '../support/collector.ts';
import { runEventSchema, type RunEvent } from '../support/lineage-schema.ts';
import { allow } from '../support/rights.ts';
import { startTestService, type TestService } from '../support/service.ts';

const POLICY = ['ingest', 'label', 'retrieve']
  .flatMap((action) => ['user:test|owner', 'client:test|loader'].map((who) => allow(who, 'acme', action, '*', 'upto:restricted')))
  .join('\n');
const TEXT = 'The bittern booms among the reeds.';

let collector: Collector;
let test: TestService;
let owner: string;

beforeAll(async () => {
  collector = await startCollector();
  const lineage = { url: `${collector.url}/api/v1/lineage`, namespace: 'test', token: undefined };
  test = await startTestService({ policy: POLICY, tenants: ['acme'], config: { lineage } });
  owner = await test.token({ sub: 'owner', client_id: 'loader' });
  const source = { title: 'A title of its own', owner: 'user:test|owner', level: 'internal', trust: 'trusted' };
  expect((await test.call('PUT', '/v1/sources/fen', owner, source)).status).toBe(201);
});
afterAll(async () => {
  await test.stop();
  await collector.close();
});

const line = (document: string, more: object = {}): object => ({
  document,
  mediaType: 'text/plain',
  text: TEXT,
  acl: { allow: ['everyone'] },
  ...more,
});

async function batch(lines: readonly object[], token = owner, source = 'fen'): Promise<string> {
  const body = `${lines.map((one) => JSON.stringify(one)).join('\n')}\n`;
  const type = { 'content-type': 'application/x-ndjson' };
  const answer = await test.call('POST', `/v1/sources/${source}/documents`, token, body, type);
  expect(answer.status).toBe(200);
  return String(answer.headers['x-request-id']);
}

const eventsOf = (request: string): readonly RunEvent[] =>
  collector.received.map(({ body }) => body as RunEvent).filter(({ run }) => run.facets.sluice_ingestion.requestId === request);
const ended = (request: string): Promise<readonly RunEvent[]> =>
  vi.waitFor(
    () => {
      const events = eventsOf(request);
      expect(events).toHaveLength(2);
      return events;
    },
    { timeout: 30_000 },
  );

describe('lineage', () => {
  it('of a batch is one run: it starts, and completes with what was written, unchanged, deleted and failed', async () => {
    await batch([line('kept')]);
    const more = { connector: 'filesystem@1', run: 'nightly' };
    const request = await batch([
      line('one', more),
      line('kept'),
      line('two', more),
      { delete: true, document: 'one' },
      line('three', { acl: undefined }),
    ]);
    const [start, complete] = await ended(request);
    expect([start?.eventType, complete?.eventType]).toEqual(['START', 'COMPLETE']);
    expect(start?.run.runId).toBe(complete?.run.runId);
    expect(complete?.run.facets).toMatchObject({
      sluice_ingestion: {
        connector: 'filesystem@1',
        run: 'nightly',
        documents: { written: 2, unchanged: 1, deleted: 1, failed: 1 },
        errors: { acl_required: 1 },
      },
      parent: { job: { namespace: 'test', name: 'connect acme/fen' } },
    });
    expect(complete?.job).toMatchObject({ namespace: 'test', name: 'ingest acme/fen' });
    expect(complete?.outputs).toMatchObject([{ namespace: 'test', name: 'acme/fen', outputFacets: { outputStatistics: { rowCount: 2 } } }]);
    expect(complete?.inputs).toEqual([{ namespace: 'test/connector/filesystem@1', name: 'acme/fen' }]);
    const again = await ended(await batch([line('four', more)]));
    expect(again[0]?.run.facets.parent).toEqual(start?.run.facets.parent);
    expect(again[0]?.run.runId).not.toBe(start?.run.runId);
  });

  it('of single writes is a run each, which fails where nothing was written', async () => {
    const put = await test.call('PUT', '/v1/sources/fen/documents/alone', owner, line('alone', { document: undefined }));
    expect((await ended(String(put.headers['x-request-id']))).map(({ eventType }) => eventType)).toEqual(['START', 'COMPLETE']);
    const gone = await test.call('DELETE', '/v1/sources/fen/documents/alone', owner);
    expect((await ended(String(gone.headers['x-request-id']))).at(1)?.run.facets.sluice_ingestion.documents?.deleted).toBe(1);
    const refused = await test.call('PUT', '/v1/sources/fen/documents/odd', owner, { mediaType: 'text/plain', text: TEXT });
    expect(refused.status).toBe(422);
    const [, fail] = await ended(String(refused.headers['x-request-id']));
    expect(fail).toMatchObject({ eventType: 'FAIL', run: { facets: { errorMessage: { message: 'acl_required' } } } });
  });

  it('tells nothing of whoever has no rights there, and of sources that are not', async () => {
    const stranger = await test.token({ sub: 'mallory', client_id: 'loader' });
    const requests = [await batch([line('forged')], stranger), await batch([line('forged')], owner, 'imagined')];
    requests.push(String((await test.call('DELETE', '/v1/sources/fen/documents/kept', stranger)).headers['x-request-id']));
    // What comes after them has arrived, so they would have.
    await ended(await batch([line('after')]));
    for (const request of requests) expect(eventsOf(request)).toEqual([]);
  });

  it('is what OpenLineage asks for, and names no person, document, title or text', async () => {
    expect(collector.received.length).toBeGreaterThan(6);
    for (const { body, path } of collector.received) {
      expect(path).toBe('/api/v1/lineage');
      expect(() => runEventSchema.parse(body)).not.toThrow();
      const text = JSON.stringify(body);
      for (const name of ['owner', 'bittern', 'title of its own', 'kept', '"one"', 'alone', 'everyone']) expect(text).not.toContain(name);
    }
  });

  it('is never in the way: with a receiver that hangs, writes are answered', async () => {
    collector.answer(...Array.from({ length: 100 }, () => 'hang' as const));
    for (let n = 0; n < 3; n++) await batch([line(`beside-${n}`)]);
    const listed = await test.call('GET', '/v1/sources/fen/documents', owner);
    expect(listed.text).toContain('beside-2');
    collector.answer();
    // Or the stop would wait for an answer that never comes.
    collector.hangUp();
  });
});
