import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '../../src/core/digest.ts';
import type { TenantId } from '../../src/core/ids.ts';
import { startReplicas, type Deployment, type Replicas } from '../support/replicas.ts';
import { allow } from '../support/rights.ts';
import type { Answer } from '../support/service.ts';
import type { TestClaims } from '../support/test-issuer.ts';

const ACME = 'acme' as TenantId;
const TOP = 'upto:restricted';
const POLICY = ['acme', 'globex']
  .flatMap((tenant) => [
    allow('everyone', tenant, 'retrieve', '*', TOP),
    allow('client:test|assistant', tenant, 'retrieve', '*', TOP),
    ...['label', 'ingest', 'audit', 'administer'].flatMap((action) => [
      allow('user:test|olga', tenant, action, '*', TOP),
      allow('client:test|assistant', tenant, action, '*', TOP),
    ]),
    allow('user:test|sam', tenant, 'audit', 's', TOP),
  ])
  .join('\n');
const LEAVE = 'Parental leave is twelve weeks for everybody who works here, and it may be taken in parts at any time.';
const PAY = 'During parental leave pay goes on in full for the first six weeks, and at half for the six weeks after them.';
const BOARD = 'The board has decided in secret that parental leave ends with the merger in the autumn of next year.';

interface Report {
  readonly decision: string;
  readonly reasons: readonly string[];
  readonly findings?: {
    readonly cited: readonly { chunk: string; by: string; start: number; end: number }[];
    readonly quoted: readonly { chunk: string; start: number; end: number; cited: boolean }[];
    readonly unknown: readonly { by: string; start: number; end: number }[];
    readonly unreadable: readonly string[];
  };
}

describe.each<Deployment>(['sqlite', 'postgres'])('the check of outputs on %s', (deployment) => {
  let replicas: Replicas;
  const markers: Record<string, string> = {};
  const call = async (claims: TestClaims, method: string, path: string, body?: unknown, replica: 'a' | 'b' = 'a'): Promise<Answer> =>
    replicas[replica].call(method, path, await replicas.issuer.sign({ groups: [], ...claims }), body);
  const ok = async (answer: Promise<Answer>): Promise<Answer> => {
    const given = await answer;
    expect(given.status, given.text).toBeLessThan(300);
    return given;
  };
  const write = (tenant: string, name: string, text: string, who = 'everyone') =>
    ok(call({ sub: 'olga', tenant }, 'PUT', `/v1/sources/s/documents/${name}`, { text, mediaType: 'text/plain', acl: { allow: [who] } }));
  const retrieve = async (query = 'parental leave pay weeks', claims: TestClaims = { sub: 'anna' }) => {
    const answer = await ok(call(claims, 'POST', '/v1/retrieve', { query }));
    const { requestId, chunks } = answer.json<{ requestId: string; chunks: { id: string; text: string }[] }>();
    return { requestId, chunks, of: (text: string) => chunks.find((chunk) => chunk.text === text)?.id ?? '' };
  };
  const check = async (requestId: string, output: string, claims: TestClaims = { sub: 'anna' }): Promise<Report> =>
    (await ok(call(claims, 'POST', `/v1/requests/${requestId}/output`, { output }, 'b'))).json<Report>();
  const logged = async (requestId: string, kind: string) =>
    (await replicas.b.service.stores.audit.byRequest(ACME, requestId)).filter((event) => event.kind === kind);

  beforeAll(async () => {
    replicas = await startReplicas(deployment, POLICY, {}, {}, ['acme', 'globex']);
    for (const tenant of ['acme', 'globex']) {
      const source = { title: 'S', owner: 'user:test|olga', level: 'internal', compartments: [], trust: 'trusted' };
      await ok(call({ sub: 'olga', tenant }, 'PUT', '/v1/sources/s', source));
      await write(tenant, 'leave', LEAVE);
      await write(tenant, 'pay', PAY);
      await write(tenant, 'board', BOARD, 'group:test|board');
      await write(tenant, 'bait', `The vault of ${tenant} and its password.`);
      await ok(call({ sub: 'olga', tenant }, 'PATCH', '/v1/sources/s/documents/bait', { honey: true }));
      const bait = await ok(call({ sub: 'olga', tenant }, 'GET', '/v1/sources/s/documents/bait'));
      markers[tenant] = bait.json<{ marker: string }>().marker;
    }
  });
  afterAll(() => replicas.stop());

  it('says what is cited and quoted, where, and what of it is not cited', async () => {
    const { requestId, chunks, of } = await retrieve();
    const rank = chunks.findIndex(({ text }) => text === LEAVE) + 1;
    const quote = PAY.slice(0, 70).toUpperCase().replaceAll(' ', '\n ');
    const output = `As **${LEAVE.slice(0, 60)}** [${rank}] says; and: ${quote}.`;
    const report = await check(requestId, output);
    expect(report).toMatchObject({ decision: 'flag', reasons: ['uncited-quote'], findings: { unknown: [], unreadable: [] } });
    expect(report.findings?.cited).toEqual([
      { chunk: of(LEAVE), by: 'number', start: output.indexOf(`[${rank}]`), end: output.indexOf(`[${rank}]`) + 3 },
    ]);
    expect(report.findings?.quoted.map(({ chunk, cited }) => [chunk, cited])).toEqual(
      chunks.filter(({ text }) => [LEAVE, PAY].includes(text)).map(({ id, text }) => [id, text === LEAVE]),
    );
    const pay = report.findings?.quoted.find(({ chunk }) => chunk === of(PAY));
    expect(output.slice(pay?.start, pay?.end)).toBe(quote);
    expect(await check(requestId, `${output} See ${of(PAY)}.`)).toMatchObject({ decision: 'allow', reasons: [] });
    expect(await check(requestId, 'It is as the law says.')).toMatchObject({ decision: 'allow', findings: { cited: [], quoted: [] } });
    const [event] = await logged(requestId, 'output.checked');
    expect(event?.body).toMatchObject({
      user: 'user:test|anna',
      client: 'client:test|assistant',
      decision: 'flag',
      length: output.length,
      counts: { cited: 1, quoted: 2, uncited: 1, unknown: 0, unreadable: 0 },
    });
    expect(JSON.stringify(event?.body)).not.toMatch(/parental|leave/i);
  });

  it('finds citations of what was not released, and looks up nothing: ids that exist, are hidden, foreign or made up are one', async () => {
    const { requestId, of } = await retrieve();
    const board = await retrieve('board merger autumn', { sub: 'bea', groups: ['board'] });
    const foreign = await retrieve('parental', { sub: 'anna', tenant: 'globex' });
    const own = (await check(requestId, `see ${of(LEAVE)}`)).findings;
    expect([own?.cited.length, own?.unknown.length]).toEqual([1, 0]);
    expect(board.of(BOARD)).not.toBe('');
    const answers = await Promise.all(
      [board.of(BOARD), foreign.chunks[0]?.id ?? '', randomUUID()].map((id) => check(requestId, `see ${id}`)),
    );
    for (const answer of answers) {
      const place = { by: 'id', start: 4, end: 40 };
      expect(answer).toEqual({
        requestId,
        decision: 'flag',
        reasons: ['unknown-citation'],
        findings: { cited: [], quoted: [], unknown: [place], unreadable: [] },
      });
    }
    expect((await check(requestId, 'see [99] and rank="77"')).findings?.unknown).toHaveLength(2);
  });

  it('searches no text that this request did not release: a hidden document quoted word for word is not found', async () => {
    const { requestId } = await retrieve();
    expect(await check(requestId, BOARD)).toMatchObject({ decision: 'allow', findings: { quoted: [] } });
    const { requestId: one, chunks } = await retrieve('six weeks half');
    const others = [LEAVE, PAY].filter((text) => !chunks.some((chunk) => chunk.text === text));
    for (const text of others) expect((await check(one, text)).findings?.quoted).toEqual([]);
    const board = await retrieve('board merger autumn', { sub: 'bea', groups: ['board'] });
    expect((await check(board.requestId, BOARD, { sub: 'bea', groups: ['board'] })).findings?.quoted).toMatchObject([
      { chunk: board.of(BOARD), cited: false },
    ]);
  });

  it('blocks the marker of a honey document in any spelling, names it to those who audit the tenant, and not to the application', async () => {
    const marker = markers['acme'] ?? '';
    const spellings = [
      marker,
      marker.toUpperCase(),
      Array.from(marker).join('\u200b'),
      Array.from(marker).join(' - '),
      Buffer.from(marker).toString('base64'),
    ];
    for (const spelling of spellings) {
      const { requestId } = await retrieve();
      const answer = await ok(call({ sub: 'anna' }, 'POST', `/v1/requests/${requestId}/output`, { output: `It is ${spelling}.` }, 'b'));
      expect(answer.json()).toMatchObject({ decision: 'block', reasons: ['withheld'] });
      expect(answer.text).not.toMatch(/bait|honey|marker|vault/);
      const [touched] = await logged(requestId, 'honey.touched');
      expect(touched?.body).toMatchObject({
        user: 'user:test|anna',
        client: 'client:test|assistant',
        where: 'output',
        documents: [{ source: 's', document: 'bait' }],
      });
      const seen = async (sub: string): Promise<readonly string[]> =>
        (await ok(call({ sub }, 'GET', `/v1/requests/${requestId}`))).json<{ events: { kind: string }[] }>().events.map(({ kind }) => kind);
      expect(await seen('olga')).toContain('honey.touched');
      expect(await seen('sam')).not.toContain('honey.touched');
    }
    const metrics = await replicas.b.telemetry.registry.metrics();
    expect(/sluice_bait_in_outputs_total (\d+)/.exec(metrics)?.[1]).toBe(String(spellings.length));
  });

  it('knows the markers of its own tenant alone, and half a marker is none', async () => {
    const { requestId } = await retrieve();
    const globex = markers['globex'] ?? '';
    expect(await check(requestId, `It is ${globex}.`)).toMatchObject({ decision: 'allow', reasons: [] });
    const foreign = await retrieve('parental', { sub: 'anna', tenant: 'globex' });
    expect(await check(foreign.requestId, `It is ${globex}.`, { sub: 'anna', tenant: 'globex' })).toMatchObject({ decision: 'block' });
    expect(await check(requestId, `It is ${(markers['acme'] ?? '').slice(1)}.`)).toMatchObject({ decision: 'allow' });
    expect(await logged(requestId, 'honey.touched')).toEqual([]);
  });

  it('takes an output of documented length, and refuses a longer one without an event', async () => {
    const { requestId } = await retrieve();
    const most = await check(requestId, `${LEAVE.slice(0, 60)} xq `.repeat(4_200).slice(0, 262_144));
    expect([most.decision, most.reasons, most.findings]).toEqual(['block', ['too-many-findings'], undefined]);
    const long = await check(requestId, 'a'.repeat(262_144));
    expect(long.decision).toBe('allow');
    const beyond = await call({ sub: 'anna' }, 'POST', `/v1/requests/${requestId}/output`, { output: 'a'.repeat(262_145) });
    expect([beyond.status, beyond.json()]).toMatchObject([422, { code: 'limit_exceeded', errors: [{ pointer: '/output' }] }]);
    const huge = await call({ sub: 'anna' }, 'POST', `/v1/requests/${requestId}/output`, { output: 'a'.repeat(1_100_000) });
    expect([huge.status, huge.json()['code']]).toEqual([413, 'payload_too_large']);
    expect(await logged(requestId, 'output.checked')).toHaveLength(2);
  });

  it('is made so often for a request, and no oftener', async () => {
    const { requestId } = await retrieve();
    for (let index = 0; index < 64; index++) await check(requestId, `${index}`);
    const beyond = await call({ sub: 'anna' }, 'POST', `/v1/requests/${requestId}/output`, { output: 'x' });
    expect([beyond.status, beyond.json()['code']]).toEqual([422, 'limit_exceeded']);
  });

  it('is made no oftener where all are sent at once', async () => {
    const { requestId } = await retrieve();
    const one = (): Promise<Answer> => call({ sub: 'anna' }, 'POST', `/v1/requests/${requestId}/output`, { output: 'x' });
    for (let index = 0; index < 60; index++) await check(requestId, `${index}`);
    const statuses = (await Promise.all(Array.from({ length: 16 }, one))).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(4);
    expect(await logged(requestId, 'output.checked')).toHaveLength(64);
  });

  it('compares with the texts as they left, whatever became of the documents since', async () => {
    await write('acme', 'passing', 'The canteen closes at three o’clock on the day before every holiday of the year.');
    const { requestId, chunks } = await retrieve('canteen closes holiday');
    const text = chunks[0]?.text ?? '';
    await write('acme', 'passing', 'The canteen is closed for good, and nobody knows when it will be opened again.');
    expect((await check(requestId, text)).findings).toMatchObject({ quoted: [{ chunk: chunks[0]?.id }], unreadable: [] });
    await ok(call({ sub: 'olga' }, 'DELETE', '/v1/sources/s/documents/passing'));
    expect((await check(requestId, text)).findings).toMatchObject({ quoted: [{ chunk: chunks[0]?.id }], unreadable: [] });
  });

  it('hands nothing on for whoever is switched off', async () => {
    const { requestId } = await retrieve(undefined, { sub: 'leaver' });
    expect(await check(requestId, 'Fine.', { sub: 'leaver' })).toMatchObject({ decision: 'allow' });
    await ok(call({ sub: 'olga' }, 'POST', '/v1/switches', { kind: 'user', id: 'user:test|leaver', reason: 'left' }));
    expect(await check(requestId, 'Fine.', { sub: 'leaver' })).toEqual({ requestId, decision: 'block', reasons: ['switched-off'] });
  });

  it('says that an erased text cannot be compared, and keeps no digest of a prompt that held it', async () => {
    await write('acme', 'forgotten', 'The pension of Mrs Winterbottom was settled in the spring, after a quarrel of many years.');
    const { requestId, chunks } = await retrieve('pension winterbottom quarrel');
    const [chunk] = chunks;
    const report = (prompt: string) =>
      ok(call({ sub: 'anna' }, 'POST', `/v1/requests/${requestId}/admitted`, { chunks: [chunk?.id], prompt }));
    await report('before');
    const [before] = await logged(requestId, 'admitted');
    const { audit } = replicas.b.service.stores;
    const sealedPart = async () => (await audit.sealed(ACME, before?.index ?? -1))?.answer;
    expect(await sealedPart()).toMatchObject({ kind: 'open', content: { promptDigest: digestOf('before') } });
    const what = { kind: 'content', source: 's', document: 'forgotten', reason: 'a request to be forgotten' };
    await ok(call({ sub: 'olga' }, 'POST', '/v1/erasures', what));
    expect(await sealedPart()).toMatchObject({ kind: 'erased' });
    expect(await check(requestId, chunk?.text ?? '')).toMatchObject({
      decision: 'flag',
      reasons: ['unreadable-text'],
      findings: { quoted: [], unreadable: [chunk?.id] },
    });
    expect((await report('before')).json()).toMatchObject({ recorded: false });
    expect(
      (await ok(call({ sub: 'anna' }, 'POST', `/v1/requests/${requestId}/admitted`, { chunks: [], prompt: 'x' }))).json(),
    ).toMatchObject({
      recorded: true,
    });
    const second = await retrieve('parental leave pay weeks');
    expect(second.chunks.length).toBeGreaterThan(0);
    const cited = await ok(call({ sub: 'anna' }, 'POST', `/v1/requests/${requestId}/cited`, { chunks: [chunk?.id] }));
    expect(cited.json()).toMatchObject({ recorded: true });
    const [named] = (await logged(requestId, 'cited')).map(({ body }) => body['chunks'] as readonly Record<string, unknown>[]);
    expect(named?.[0]).not.toHaveProperty('document');
  });

  it('is nobody’s once its caller was erased, also where the same name asks again', async () => {
    const { requestId } = await retrieve(undefined, { sub: 'forgotten' });
    await check(requestId, 'Fine.', { sub: 'forgotten' });
    const what = { kind: 'caller', principal: 'user:test|forgotten', reason: 'a request to be forgotten' };
    await ok(call({ sub: 'olga' }, 'POST', '/v1/erasures', what));
    const gone = await call({ sub: 'forgotten' }, 'POST', `/v1/requests/${requestId}/output`, { output: 'Fine.' });
    expect([gone.status, gone.json()['code']]).toEqual([404, 'not_found']);
    const anew = await retrieve(undefined, { sub: 'forgotten' });
    await check(anew.requestId, 'Fine.', { sub: 'forgotten' });
    expect((await call({ sub: 'forgotten' }, 'POST', `/v1/requests/${requestId}/cited`, { chunks: [] })).status).toBe(404);
  });
});
