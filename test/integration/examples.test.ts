import { execFile } from 'node:child_process';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { generateText, stepCountIs } from 'ai';
import { MockLanguageModelV4 } from 'ai/test';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  createSluiceClient,
  SluiceError,
  type OutputReport,
  type RetrieveAnswer,
  type StageAnswer,
} from '../../examples/client/sluice-client.ts';
import { sluiceSearch } from '../../examples/ai-sdk-tool.ts';
import { SluiceRetriever } from '../../examples/langchain-retriever.ts';
import type { TenantId } from '../../src/core/ids.ts';
import { sinkAnswerSchema } from '../../src/doors/http/schemas/sessions.ts';
import { outputReportSchema, stageAnswerSchema } from '../../src/doors/http/schemas/stages.ts';
import { retrieveAnswerSchema } from '../../src/doors/http/schemas/answers.ts';
import { allow } from '../support/rights.ts';
import { startTestService, type TestService } from '../support/service.ts';

const EXAMPLES = join(import.meta.dirname, '../../examples');
const TOP = 'upto:restricted';
const POLICY = ['everyone', 'client:test|assistant', 'user:test|olga']
  .flatMap((who) => ['retrieve', 'ingest', 'label'].map((action) => allow(who, 'acme', action, '*', TOP)))
  .join('\n');
const LEAVE = 'Parental leave is twelve weeks for everybody who works here. It may be taken in parts & at any time.';

let test: TestService;
let token = '';

beforeAll(async () => {
  test = await startTestService({ policy: POLICY, tenants: ['acme'] });
  token = await test.token({ sub: 'olga' });
  const source = { title: 'Handbook', owner: 'user:test|olga', level: 'public', compartments: [], trust: 'trusted' };
  expect((await test.call('PUT', '/v1/sources/handbook', token, source)).status).toBe(201);
  const body = { title: 'Leave', text: LEAVE, mediaType: 'text/plain', acl: { allow: ['everyone'] } };
  expect((await test.call('PUT', '/v1/sources/handbook/documents/leave', token, body)).status).toBeLessThan(300);
});
afterAll(() => test.stop());

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function runExample(env: Record<string, string>, ...args: readonly string[]): Promise<Run> {
  return run('answer-with-citations.ts', env, ...args);
}

function run(example: string, env: Record<string, string>, ...args: readonly string[]): Promise<Run> {
  const { PATH = '' } = process.env;
  return new Promise((resolve) => {
    execFile(process.execPath, [join(EXAMPLES, example), ...args], { env: { PATH, ...env }, timeout: 100_000 }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}

describe('examples/answer-with-citations.ts', () => {
  it('answers from what may be read, cites it, and leaves every stage in the log', async () => {
    const { code, out, err } = await runExample({ SLUICE_URL: test.url, SLUICE_TOKEN: token }, 'How long is parental leave?');
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('Parental leave is twelve weeks for everybody who works here. [1]');
    expect(out).toContain('[1] Leave, Handbook, public');
    const requestId = /sluice trace (\S+)/.exec(out)?.[1] ?? '';
    const events = await test.service.stores.audit.byRequest('acme' as TenantId, requestId);
    expect(events.map(({ kind }) => kind)).toEqual(['intent', 'release', 'admitted', 'output.checked', 'cited']);
    expect(events[3]?.body).toMatchObject({ decision: 'allow', counts: { cited: 1, quoted: 1, uncited: 0, unknown: 0 } });
  });

  it('says what is wrong where there is nothing to read, no right or no service', async () => {
    const nothing = await runExample({ SLUICE_URL: test.url, SLUICE_TOKEN: token }, 'xylophone');
    expect([nothing.code, nothing.err.trim()]).toEqual([1, 'Error: nothing that you may read answers this']);
    const refused = await runExample({ SLUICE_URL: test.url, SLUICE_TOKEN: 'nonsense' });
    expect([refused.code, refused.err]).toMatchObject([1, expect.stringMatching(/^invalid_token: /)]);
    const nowhere = await runExample({ SLUICE_URL: 'http://127.0.0.1:1', SLUICE_TOKEN: 'nonsense' });
    expect([nowhere.code, nowhere.err]).toMatchObject([1, expect.stringMatching(/^unreachable: /)]);
  });
});

describe('examples/langchain-retriever.ts', () => {
  it('prints what may be read, and says what is wrong', async () => {
    const { code, out, err } = await run('langchain-retriever.ts', { SLUICE_URL: test.url, SLUICE_TOKEN: token }, 'parental leave');
    expect([code, err, out]).toEqual([0, '', `Leave, Handbook, public: ${LEAVE}\n`]);
    const refused = await run('langchain-retriever.ts', { SLUICE_URL: test.url, SLUICE_TOKEN: 'nonsense' });
    expect([refused.code, refused.err]).toMatchObject([1, expect.stringMatching(/^invalid_token: /)]);
  });

  it('gives LangChain documents with their provenance, and keeps the token out of what it serialises', async () => {
    const retriever = new SluiceRetriever({ url: test.url, token, request: { limit: 1 } });
    const [document] = await retriever.invoke('parental leave');
    expect(document).toMatchObject({ pageContent: LEAVE, metadata: { source: { id: 'handbook' }, document: { id: 'leave' } } });
    expect(document?.metadata.requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(JSON.stringify(retriever)).not.toContain(token);
    const nobody = new SluiceRetriever({ url: test.url, token: await test.token({ sub: 'guest', client_id: 'other' }) });
    expect(await nobody.invoke('parental leave')).toEqual([]);
  });
});

describe('examples/ai-sdk-tool.ts', () => {
  it('prints what a model would be shown', async () => {
    const { code, out, err } = await run('ai-sdk-tool.ts', { SLUICE_URL: test.url, SLUICE_TOKEN: token }, 'parental leave');
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^<context-[0-9a-f]{32}>/);
    expect(out).toContain('[1] Leave, Handbook, public');
  });

  it('is called by the AI SDK, shows its model the segments alone, and gives the application the sources', async () => {
    const usage = { inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 }, outputTokens: { total: 1, text: 1, reasoning: 0 } };
    const model = new MockLanguageModelV4({
      doGenerate: [
        {
          content: [{ type: 'tool-call', toolCallId: 'one', toolName: 'search', input: '{"query":"parental leave"}' }],
          finishReason: { unified: 'tool-calls', raw: undefined },
          usage,
          warnings: [],
        },
        { content: [{ type: 'text', text: 'Twelve weeks.' }], finishReason: { unified: 'stop', raw: undefined }, usage, warnings: [] },
      ],
    });
    const tools = { search: sluiceSearch({ url: test.url, token }) };
    const { text, steps } = await generateText({ model, tools, prompt: 'How long is parental leave?', stopWhen: stepCountIs(2) });
    expect(text).toBe('Twelve weeks.');
    expect(steps[0]?.toolResults[0]?.output).toMatchObject({
      sources: [{ rank: 1, document: { id: 'leave' } }],
      label: { level: 'public' },
    });
    const shown = JSON.stringify(model.doGenerateCalls[1]?.prompt);
    expect(shown).toContain('twelve weeks');
    expect(shown).toContain('&amp; at any time');
    expect(shown).not.toContain('lineage');
  });
});

describe('the typed client', () => {
  const servers: Server[] = [];
  const serverOf = async (answer: RequestListener): Promise<string> => {
    const server = createServer(answer);
    servers.push(server);
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  afterEach(() => {
    for (const server of servers.splice(0)) server.close().closeAllConnections();
  });
  const failure = (call: Promise<unknown>): Promise<unknown> =>
    call.then(
      () => 'nothing failed',
      (error: unknown) => error,
    );

  it('speaks with the service in the shapes of its contract', async () => {
    const sluice = createSluiceClient({ url: `${test.url}/`, token: () => Promise.resolve(token) });
    const released: RetrieveAnswer = await sluice.retrieve({ query: 'parental leave', session: 'one', context: { format: 'messages' } });
    expect(retrieveAnswerSchema.safeParse(released).error).toBeUndefined();
    const chunks = released.chunks.map(({ id }) => id);
    const reports: readonly StageAnswer[] = [
      await sluice.admitted(released.requestId, chunks),
      await sluice.admitted(released.requestId, chunks, 'a prompt'),
      await sluice.cited(released.requestId, chunks),
    ];
    for (const report of reports) expect(stageAnswerSchema.parse(report).recorded).toBe(true);
    const checked: OutputReport = await sluice.checkOutput(released.requestId, `${LEAVE} [1]`);
    expect(outputReportSchema.parse(checked)).toMatchObject({ decision: 'allow', findings: { quoted: [{ cited: true }] } });
    const sink = await sluice.checkSession('one', { level: 'public' });
    expect(sinkAnswerSchema.parse(sink).allowed).toBe(true);
  });

  it('fails with the code, the request id and the places of a problem, and without the token', async () => {
    const sluice = createSluiceClient({ url: test.url, token });
    const error = await failure(sluice.retrieve({ query: 'x', limit: 1_000 }));
    expect(error).toBeInstanceOf(SluiceError);
    expect(error).toMatchObject({ code: 'invalid_request', status: 400, errors: [{ pointer: '/limit' }] });
    expect((error as SluiceError).requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(String((error as SluiceError).stack)).not.toContain(token);
  });

  it('repeats a 503 as Retry-After says, and no other answer, within its deadline', async () => {
    let asked = 0;
    const failing = await serverOf((_, res) => {
      asked += 1;
      if (asked < 3) res.writeHead(503, { 'retry-after': '0' }).end('{"code":"audit_unavailable"}');
      else res.end('{"requestId":"r","chunks":[]}');
    });
    expect(await createSluiceClient({ url: failing, token: 't' }).retrieve({ query: 'x' })).toEqual({ requestId: 'r', chunks: [] });
    expect(asked).toBe(3);
    let down = 0;
    const always = await serverOf(
      (_, res) => void ((down += 1), res.writeHead(503, { 'retry-after': '0' }).end('{"code":"audit_unavailable"}')),
    );
    const gaveUp = await failure(createSluiceClient({ url: always, token: 't', retries: 1 }).cited('r', []));
    expect([gaveUp, down]).toMatchObject([{ code: 'audit_unavailable', status: 503 }, 2]);
    let busy = 0;
    const limited = await serverOf((_, res) => void ((busy += 1), res.writeHead(429).end('{"code":"rate_limited"}')));
    expect(await failure(createSluiceClient({ url: limited, token: 't' }).cited('r', []))).toMatchObject({ code: 'rate_limited' });
    expect(busy).toBe(1);
    const later = await serverOf((_, res) => void res.writeHead(503, { 'retry-after': '3600' }).end('{}'));
    expect(await failure(createSluiceClient({ url: later, token: 't', timeoutMs: 50 }).cited('r', []))).toMatchObject({ code: 'timeout' });
  });

  it('gives up in time, when it is told to, and where the answer is none of the service', async () => {
    const silent = await serverOf(() => undefined);
    expect(await failure(createSluiceClient({ url: silent, token: 't', timeoutMs: 50 }).cited('r', []))).toMatchObject({ code: 'timeout' });
    const controller = new AbortController();
    const given = failure(createSluiceClient({ url: silent, token: 't' }).retrieve({ query: 'x' }, { signal: controller.signal }));
    controller.abort();
    expect(await given).toMatchObject({ code: 'aborted', status: 0 });
    const page = await serverOf((_, res) => void res.end('<html>'));
    expect(await failure(createSluiceClient({ url: page, token: 't' }).cited('r', []))).toMatchObject({ code: 'unexpected_answer' });
    const seen: (string | undefined)[] = [];
    const thief = await serverOf((req, res) => void (seen.push(req.headers.authorization), res.end('{}')));
    const redirecting = await serverOf((_, res) => void res.writeHead(307, { location: `${thief}/v1/retrieve` }).end());
    expect(await failure(createSluiceClient({ url: redirecting, token: 't' }).retrieve({ query: 'x' }))).toMatchObject({
      code: 'unreachable',
    });
    expect(seen).toEqual([]);
  });
});
