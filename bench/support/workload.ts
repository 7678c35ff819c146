import { Pool } from 'undici';
import { corpus, type CorpusFile } from '../../test/support/corpus.ts';
import { seededRandom } from '../../test/support/random.ts';

export const TENANT = 'acme';
export const SOURCE = 'handbook';
const GROUPS = Array.from({ length: 20 }, (_, index) => `team-${index}`);

/** One employee in 20 groups, of which a handful open documents; through one application. */
export const READER = { sub: 'alice', client_id: 'assistant', tenant: TENANT, groups: GROUPS, scope: 'retrieve' };
export const LOADER = { sub: 'loader', client_id: 'loader', tenant: TENANT, scope: 'ingest sources' };

export const POLICY = [
  `p, everyone, ${TENANT}, *, retrieve, upto:confidential, *, *, allow`,
  `p, group:test|team-1, ${TENANT}, hand*, retrieve, upto:restricted, *, *, allow`,
  `p, client:test|assistant, ${TENANT}, *, retrieve, upto:confidential, *, *, allow`,
  `p, client:test|loader, ${TENANT}, *, ingest, upto:restricted, as:trusted, *, allow`,
  `p, client:test|loader, ${TENANT}, *, label, upto:restricted, *, *, allow`,
].join('\n');

const ACLS = [
  { allow: ['everyone'] },
  { allow: ['group:test|team-1', 'group:test|team-7'] },
  { allow: ['group:test|elsewhere'] },
  { gates: [['everyone'], ['group:test|team-2', 'user:test|alice']], deny: ['group:test|contractors'] },
];
const LEVELS = ['public', 'internal', 'confidential', 'restricted'];

function line(file: CorpusFile, index: number): string {
  const { path: document, text } = file;
  return JSON.stringify({ document, text, mediaType: 'text/markdown', acl: ACLS[index % ACLS.length], level: LEVELS[index % 3] });
}

export interface Ingested {
  readonly documents: number;
  readonly chunks: number;
  readonly seconds: number;
}

/** The whole corpus as one NDJSON batch. */
export async function ingest(url: string, token: string): Promise<Ingested> {
  const pool = new Pool(url);
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const source = JSON.stringify({ title: 'Handbook', owner: 'group:test|owners', level: 'public', compartments: [], trust: 'trusted' });
  const put = await pool.request({ method: 'PUT', path: `/v1/sources/${SOURCE}`, headers, body: source });
  await put.body.dump();
  const body = corpus().map(line).join('\n');
  const started = performance.now();
  const answer = await pool.request({
    method: 'POST',
    path: `/v1/sources/${SOURCE}/documents`,
    headers: { ...headers, 'content-type': 'application/x-ndjson' },
    body,
  });
  const lines = (await answer.body.text()).trim().split('\n');
  const seconds = (performance.now() - started) / 1_000;
  await pool.close();
  const results = lines.map((text) => JSON.parse(text) as { chunks?: number; done?: boolean });
  if (results.at(-1)?.done !== true) throw new Error(`the batch was cut off: ${lines.at(-1) ?? 'no answer'}`);
  const chunks = results.reduce((sum, result) => sum + (result.chunks ?? 0), 0);
  return { documents: results.filter(({ chunks: n }) => n !== undefined).length, chunks, seconds };
}

/** Questions of two to five words from the corpus, the same in every run. */
export function questions(count: number): readonly string[] {
  const random = seededRandom(11);
  const files = corpus();
  return Array.from({ length: count }, () => {
    const words = random
      .pick(files)
      .text.split(/\s+/)
      .filter((word) => /^\p{L}{4,}$/u.test(word));
    return random.some(words.length > 5 ? words : ['parental', 'leave', 'policy'], 2, 5).join(' ');
  });
}
