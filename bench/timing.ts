import { availableParallelism } from 'node:os';
import { compared, type Comparison } from './support/compare-times.ts';
import { table } from './support/table.ts';
import { allow } from '../test/support/rights.ts';
import { startTestService, type TestService } from '../test/support/service.ts';

/**
 * `npm run bench:timing`: whether the time of an answer tells something hidden from something missing. Both are asked in turns, in
 * random order, on one warm connection to the whole service on loopback, where a stranger's clock would never be. Nothing passes or fails.
 */
/** Of each, unless the command line says otherwise: `npm run bench:timing -- 1000`. */
const SAMPLES = Number(process.argv[2] ?? 3_000);
const WARM_UP = 50;
const TOP = 'upto:restricted';
const SOURCE = { title: 'A source', owner: 'group:test|owners', level: 'public', compartments: [], trust: 'trusted' };
const BOARD = { allow: ['group:test|board'] };
const HIDDEN_DOCUMENTS = 200;

interface Pair {
  readonly what: string;
  /** Named in the order: hidden, missing. */
  readonly asks: readonly [Ask, Ask];
}
interface Ask {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
  readonly token: string;
}

const policy = [
  ...['retrieve', 'ingest', 'label', 'audit'].flatMap((action) => [
    allow('client:test|tool', 'acme', action, '*', TOP),
    allow('user:test|owner', 'acme', action, '*', TOP),
  ]),
  allow('everyone', 'acme', 'retrieve', 'open', TOP),
].join('\n');

async function fill(test: TestService, owner: string): Promise<string> {
  const put = async (path: string, body: object): Promise<void> => {
    const { status, text } = await test.call('PUT', path, owner, body);
    if (status >= 300) throw new Error(text);
  };
  for (const source of ['open', 'shut']) await put(`/v1/sources/${source}`, SOURCE);
  const body = (text: string, acl: object): object => ({ mediaType: 'text/plain', text, acl });
  for (let n = 0; n < HIDDEN_DOCUMENTS; n += 1) {
    await put(`/v1/sources/open/documents/secret-${n}`, body(`The lighthouse keeper counts ferry ${n} at noon.`, BOARD));
  }
  // Kept back for a time: the index admits these, the second key refuses them.
  const ended = { allow: [{ principal: 'user:test|stan', until: '2001-01-01T00:00:00Z' }, 'group:test|board'] };
  for (let n = 0; n < 50; n += 1) await put(`/v1/sources/open/documents/ended-${n}`, body(`The quarantine harbour log, page ${n}.`, ended));
  await put('/v1/sources/open/documents/shown', body('The orchard opens in autumn, lighthouse or not.', { allow: ['everyone'] }));
  await put('/v1/sources/shut/documents/secret', body('Nothing here.', BOARD));
  const { text } = await test.call('POST', '/v1/retrieve', owner, { query: 'orchard' });
  return (JSON.parse(text) as { requestId: string }).requestId;
}

async function pairs(test: TestService): Promise<readonly Pair[]> {
  const owner = await test.token({ sub: 'owner', client_id: 'tool', groups: ['board'] });
  const token = await test.token({ sub: 'stan', client_id: 'tool', groups: ['staff'] });
  const traced = await fill(test, owner);
  const get = (path: string): Ask => ({ method: 'GET', path, token });
  const ask = (body: object): Ask => ({ method: 'POST', path: '/v1/retrieve', body, token });
  const explain = (document: string): Ask => ({
    method: 'POST',
    path: '/v1/explain',
    body: { document: { source: 'open', document } },
    token,
  });
  const batch = (source: string): Ask => ({ method: 'PATCH', path: `/v1/sources/${source}`, body: { title: 'x' }, token });
  return [
    {
      what: 'GET a document, hidden by its ACL',
      asks: [get('/v1/sources/open/documents/secret-7'), get('/v1/sources/open/documents/absent-7')],
    },
    {
      what: 'GET a document of a hidden source',
      asks: [get('/v1/sources/shut/documents/secret'), get('/v1/sources/none/documents/secret')],
    },
    { what: 'GET a source', asks: [get('/v1/sources/shut'), get('/v1/sources/none')] },
    { what: 'PATCH a source', asks: [batch('shut'), batch('none')] },
    { what: 'explain a document', asks: [explain('secret-7'), explain('absent-7')] },
    { what: 'trace of a request', asks: [get(`/v1/requests/${traced}`), get('/v1/requests/00000000-0000-4000-8000-000000000000')] },
    { what: `retrieve: a word of ${HIDDEN_DOCUMENTS} hidden documents`, asks: [ask({ query: 'keeper' }), ask({ query: 'zephyr' })] },
    { what: 'the same, beside one readable', asks: [ask({ query: 'orchard keeper' }), ask({ query: 'orchard zephyr' })] },
    { what: 'retrieve: a word of 50 documents whose grant ended', asks: [ask({ query: 'harbour' }), ask({ query: 'zephyr' })] },
    {
      what: 'retrieve in a hidden source',
      asks: [ask({ query: 'orchard', sources: ['shut'] }), ask({ query: 'orchard', sources: ['none'] })],
    },
    {
      what: 'control: the same request twice',
      asks: [get('/v1/sources/open/documents/absent-7'), get('/v1/sources/open/documents/absent-7')],
    },
  ];
}

async function measure(test: TestService, { asks }: Pair): Promise<Comparison> {
  const times: [number[], number[]] = [[], []];
  for (let n = 0; n < WARM_UP + SAMPLES; n += 1) {
    // The order within a pair is drawn, so that neither always runs behind the other.
    const first = Math.random() < 0.5 ? 0 : 1;
    for (const which of [first, 1 - first] as const) {
      const { method, path, body, token } = asks[which as 0 | 1];
      const start = process.hrtime.bigint();
      await test.call(method, path, token, body);
      if (n >= WARM_UP) times[which as 0 | 1].push(Number(process.hrtime.bigint() - start) / 1_000);
    }
  }
  return compared(times[0], times[1]);
}

function cells(what: string, { medians, difference, interval, probability, p }: Comparison): readonly string[] {
  const us = (value: number): string => `${value.toFixed(0)} µs`;
  const chance = p < 0.001 ? '< 0.001' : p.toFixed(3);
  return [what, us(medians[0]), us(medians[1]), us(difference), interval.map(us).join(' … '), probability.toFixed(3), chance];
}

async function main(): Promise<void> {
  const test = await startTestService({ policy, tenants: ['acme'] });
  try {
    console.log(`${availableParallelism()} processors, Node ${process.versions.node}; ${SAMPLES} of each, in turns\n`);
    // Row by row, so that a run that is broken off has shown what it knows.
    console.log(table(['what', 'hidden, median', 'missing, median', 'difference', '95 % interval', 'P(hidden slower)', 'p'], []));
    for (const pair of await pairs(test)) console.log(`| ${cells(pair.what, await measure(test, pair)).join(' | ')} |`);
  } finally {
    await test.stop();
  }
}

await main();
