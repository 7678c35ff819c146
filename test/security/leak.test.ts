import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentTelemetry } from '../../src/core/ports/telemetry.ts';
import { createEmbedding } from '../../src/embedding/embedding.ts';
import { indexText } from '../../src/ingestion/chunk/chunk-document.ts';
import { corpus } from '../support/corpus.ts';
import { grantAccess, withdrawGrant, type WorldGrant } from '../support/grants.ts';
import { createOracle, type Asker, type Oracle } from '../support/oracle.ts';
import { seededRandom, type Random } from '../support/random.ts';
import { startTestService, type TestService } from '../support/service.ts';
import {
  LEVELS,
  PURPOSES,
  randomAcl,
  randomLabel,
  randomWorld,
  TRUSTS,
  type Person,
  type World,
  type WorldDocument,
  type WorldSource,
} from '../support/world.ts';

const SEED = 20_261_120;
const ROUNDS = 4;
const QUESTIONS = 520;
const TOLERANCE = 1e-5;

interface Chunk {
  readonly id: string;
  readonly document: WorldDocument;
  readonly text: string;
  readonly weights: ReadonlyMap<number, number>;
}

interface Question {
  readonly asker: Asker;
  readonly query: string;
  readonly limit: number;
  readonly sources?: readonly string[];
  readonly minTrust?: string;
  readonly maxLevel?: string;
  readonly year?: number;
}

interface Released {
  readonly id: string;
  readonly text: string;
  readonly provenance: { readonly source: { readonly id: string }; readonly document: { readonly id: string } };
}

const embedding = createEmbedding({ dense: { kind: 'none' }, telemetry: silentTelemetry });
const signal = new AbortController().signal;

function weightsOf(vector: { readonly indices: readonly number[]; readonly values: readonly number[] }): ReadonlyMap<number, number> {
  return new Map(vector.indices.map((index, position) => [index, Math.fround(vector.values[position] ?? 0)]));
}

/** A document is named by tenant, source and id; the world's facts about it may change between rounds. */
const nameOf = ({ tenant, source, document }: Pick<WorldDocument, 'tenant' | 'source' | 'document'>): string =>
  `${tenant}/${source}/${document}`;

describe('leak test over a random world', () => {
  const random = seededRandom(SEED);
  const world: World = randomWorld(SEED, corpus());
  const sources = new Map(world.sources.map((s) => [`${s.tenant}/${s.source}`, s]));
  const documents = new Map(world.documents.map((d) => [nameOf(d), d]));
  let test: TestService;
  let oracle: Oracle;
  let chunks: readonly Chunk[] = [];
  const tokens = new Map<string, Promise<string>>();

  let grants = new Map<WorldGrant, string>();
  const granted = (person: Person, { tenant, source, document }: WorldDocument): boolean =>
    [...grants.keys()].some(
      (grant) =>
        grant.tenant === tenant &&
        person.tenant === tenant &&
        grant.sub === person.sub &&
        grant.source === source &&
        (grant.document === undefined || grant.document === document),
    );

  const sourceOf = (tenant: string, source: string): WorldSource => {
    const found = sources.get(`${tenant}/${source}`);
    if (found === undefined) throw new Error('no such source');
    return found;
  };
  const tokenOf = ({ person, client }: Pick<Asker, 'person' | 'client'>): Promise<string> => {
    const key = `${person.tenant}/${person.sub}/${client}`;
    const { tenant, sub, employment } = person;
    const groups = [...person.groups];
    const token = tokens.get(key) ?? test.token({ tenant, sub, client_id: client, groups, employment, scope: 'retrieve' });
    tokens.set(key, token);
    return token;
  };
  const loader = (tenant: string): Promise<string> => test.token({ tenant, sub: 'loader', client_id: 'loader', groups: undefined });

  beforeAll(async () => {
    test = await startTestService({ policy: world.policy, tenants: world.tenants });
    oracle = await createOracle({ policy: world.policy, source: sourceOf, granted });
    for (const tenant of world.tenants) await load(tenant);
    chunks = await readChunks();
  }, 180_000);
  afterAll(() => test.stop());

  async function load(tenant: string): Promise<void> {
    const token = await loader(tenant);
    for (const { tenant: of, source, ...body } of world.sources) {
      if (of !== tenant) continue;
      const put = await test.call('PUT', `/v1/sources/${source}`, token, body);
      expect(put.status, put.text).toBe(201);
      const mine = world.documents.filter((d) => d.tenant === tenant && d.source === source);
      const lines = mine.map(({ tenant: _t, source: _s, ...d }) => JSON.stringify({ ...d, mediaType: 'text/markdown' }));
      const answer = await test.call('POST', `/v1/sources/${source}/documents`, token, `${lines.join('\n')}\n`, {
        'content-type': 'application/x-ndjson',
      });
      const results = answer.text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { document?: string; error?: { code: string } });
      expect(results.at(-1)).toMatchObject({ done: true, lines: mine.length });
      // Pages of front matter alone hold nothing to index; anything else that fails is a fault.
      const refused = results.filter((result) => result.error !== undefined);
      expect(refused.filter((result) => result.error?.code !== 'unreadable_document')).toEqual([]);
      expect(refused.length).toBeLessThan(world.documents.length / 20);
      for (const { document = '' } of refused) documents.delete(nameOf({ tenant, source, document }));
    }
  }

  /** The truth is read from the database itself, not through the service. */
  async function readChunks(): Promise<readonly Chunk[]> {
    const db = new DatabaseSync(join(test.dataDir, 'sluice.sqlite'), { readOnly: true });
    const rows = db
      .prepare(
        `select c.chunk, c.text, c.path, d.tenant, d.source, d.document, d.title from chunks c
         join documents d on d.tenant = c.tenant and d.key = c.key where c.state = 'live'
         order by d.tenant, d.source, d.document, c.ordinal`,
      )
      .all() as unknown as Record<'chunk' | 'text' | 'path' | 'tenant' | 'source' | 'document' | 'title', string>[];
    db.close();
    const texts = rows.map((row) => ({
      text: indexText({ path: JSON.parse(row.path) as string[], text: row.text }, row.title),
      language: 'en',
    }));
    const embedded = await embedding.embedDocuments(texts, signal);
    return rows.map((row, index) => {
      const document = documents.get(nameOf(row));
      const sparse = embedded[index]?.sparse;
      if (document === undefined || sparse === undefined) throw new Error('a chunk of no document');
      return { id: row.chunk, document, text: row.text, weights: weightsOf(sparse) };
    });
  }

  function randomQuestion(): Question {
    const person = random.pick(world.people);
    const words = random
      .pick(chunks)
      .text.split(/\s+/)
      .filter((word) => /^\p{L}{4,}$/u.test(word));
    const query = random.some(words.length > 0 ? words : ['handbook'], 1, 5).join(' ');
    return {
      asker: { person, client: random.pick(world.clients), purpose: random.chance(0.8) ? 'answer' : random.pick(PURPOSES) },
      query,
      limit: random.pick([1, 3, 8, 8, 20, 100]),
      ...(random.chance(0.15) ? { sources: random.some(['hr-guide', 'wiki', 'web', 'fin-main'], 1, 3) } : {}),
      ...(random.chance(0.15) ? { minTrust: random.pick(TRUSTS) } : {}),
      ...(random.chance(0.15) ? { maxLevel: random.pick(LEVELS) } : {}),
      ...(random.chance(0.15) ? { year: 2020 + random.below(6) } : {}),
    };
  }

  function wanted(question: Question, document: WorldDocument): boolean {
    const label = oracle.label(document);
    return (
      (question.sources?.includes(document.source) ?? true) &&
      (question.minTrust === undefined || TRUSTS.indexOf(label.trust) >= TRUSTS.indexOf(question.minTrust)) &&
      (question.maxLevel === undefined || LEVELS.indexOf(label.level) <= LEVELS.indexOf(question.maxLevel)) &&
      (question.year === undefined || document.metadata.year === question.year)
    );
  }

  /** Exact search over what the oracle lets this asker read: every score above zero, best first. */
  async function exact(question: Question): Promise<ReadonlyMap<string, number>> {
    const { sparse } = await embedding.embedQuery({ text: question.query, languages: ['en'] }, signal);
    const terms = sparse.kind === 'vector' ? weightsOf(sparse.vector) : new Map<number, number>();
    const now = Date.now();
    const readable = new Map<WorldDocument, boolean>();
    const scores = chunks.flatMap((chunk): [string, number][] => {
      const { document } = chunk;
      const may = readable.get(document) ?? (oracle.mayRead(question.asker, document, now) && wanted(question, document));
      readable.set(document, may);
      if (!may) return [];
      let score = 0;
      for (const [term, weight] of terms) score += weight * (chunk.weights.get(term) ?? 0);
      return score > 0 ? [[chunk.id, score]] : [];
    });
    return new Map(scores.sort(([, a], [, b]) => b - a));
  }

  async function ask(question: Question): Promise<readonly Released[]> {
    const { asker, query, limit, sources: only, minTrust, maxLevel, year } = question;
    const body = {
      query,
      limit,
      purpose: asker.purpose,
      ...(only === undefined ? {} : { sources: only }),
      ...(minTrust === undefined ? {} : { minTrust }),
      ...(maxLevel === undefined ? {} : { maxLevel }),
      ...(year === undefined ? {} : { filter: { must: [{ key: 'metadata.year', match: { value: year } }] } }),
    };
    const answer = await test.call('POST', '/v1/retrieve', await tokenOf(asker), body);
    expect(answer.status, answer.text).toBe(200);
    return answer.json<{ chunks: readonly Released[] }>().chunks;
  }

  interface Tally {
    leaked: number;
    missing: number;
    released: number;
    empty: number;
    refused: number;
  }

  async function check(question: Question, tally: Tally): Promise<void> {
    const [got, expected] = await Promise.all([ask(question), exact(question)]);
    const byId = new Map(chunks.map((chunk) => [chunk.id, chunk]));
    const context = JSON.stringify({ question, got: got.map(({ id }) => id) });
    for (const { id, text } of got) {
      const chunk = byId.get(id);
      const allowed = expected.has(id) && chunk?.text === text;
      if (!allowed) tally.leaked += 1;
      expect(allowed, `leaked ${id}: ${context}`).toBe(true);
    }
    expect(got.length, context).toBe(Math.min(question.limit, expected.size));
    const worst = Math.min(...got.map(({ id }) => expected.get(id) ?? 0));
    const returned = new Set(got.map(({ id }) => id));
    const better = [...expected].filter(([id, score]) => !returned.has(id) && score > worst * (1 + TOLERANCE));
    tally.missing += got.length === 0 ? 0 : better.length;
    expect(got.length === 0 ? [] : better, `missing: ${context}`).toEqual([]);
    tally.released += got.length;
    tally.empty += got.length === 0 ? 1 : 0;
    tally.refused += got.length < question.limit ? 1 : 0;
  }

  /** Changes of every kind between two rounds; each holds for the very next question. */
  async function mutate(changes: Random): Promise<void> {
    for (const source of changes.some([...sources.values()], 2, 3)) {
      const label = randomLabel(changes);
      const patched = await test.call('PATCH', `/v1/sources/${source.source}`, await loader(source.tenant), label);
      expect(patched.status, patched.text).toBe(200);
      sources.set(`${source.tenant}/${source.source}`, { ...source, ...label });
    }
    const touched = new Map<WorldDocument, WorldDocument>();
    for (const document of changes.some([...documents.values()], 25, 25)) {
      const people = world.people.filter(({ tenant }) => tenant === document.tenant);
      const patch = changes.chance(0.6) ? { acl: randomAcl(changes, people) } : randomLabel(changes);
      const path = `/v1/sources/${document.source}/documents/${encodeURIComponent(document.document)}`;
      const patched = await test.call('PATCH', path, await loader(document.tenant), patch);
      expect(patched.status, patched.text).toBe(200);
      touched.set(document, { ...document, ...patch });
    }
    for (const [before, after] of touched) documents.set(nameOf(before), after);
    chunks = chunks.map((chunk) => ({ ...chunk, document: touched.get(chunk.document) ?? chunk.document }));
  }

  /** Takes last round's grants back and gives others, over what the changed world now holds. */
  async function regrant(changes: Random): Promise<void> {
    for (const [grant, id] of grants) await withdrawGrant(test.service, grant, id);
    grants = new Map();
    const asked = new Map<string, WorldGrant>();
    for (const { tenant, source, document } of changes.some([...documents.values()], 12, 12)) {
      const { sub } = changes.pick(world.people.filter((person) => person.tenant === tenant));
      const grant = { tenant, sub, source, ...(changes.chance(0.5) ? {} : { document }) };
      asked.set(JSON.stringify(grant), grant);
    }
    for (const grant of asked.values()) grants.set(grant, await grantAccess(test.service, grant));
  }

  it.each(Array.from({ length: ROUNDS }, (_, round) => round + 1))(
    'round %i: nothing the oracle refuses, nothing missing from the exact top k',
    async (round) => {
      if (round > 1) await mutate(random);
      await regrant(seededRandom(SEED + round));
      const tally: Tally = { leaked: 0, missing: 0, released: 0, empty: 0, refused: 0 };
      for (let asked = 0; asked < QUESTIONS; asked += 8) {
        await Promise.all(Array.from({ length: 8 }, () => check(randomQuestion(), tally)));
      }
      expect(tally).toMatchObject({ leaked: 0, missing: 0 });
      // The world must neither be open nor shut, or the test could not fail.
      expect(tally.released).toBeGreaterThan(QUESTIONS / 2);
      expect(tally.empty).toBeGreaterThan(QUESTIONS / 100);
      expect(tally.empty).toBeLessThan(QUESTIONS * 0.9);
    },
    180_000,
  );

  it('has an oracle that both permits and refuses documents of either tenant', () => {
    for (const tenant of world.tenants) {
      const asker = {
        person: world.people.find((p) => p.tenant === tenant) ?? random.pick(world.people),
        client: 'inside',
        purpose: 'answer',
      };
      const answers = [...documents.values()].map((document) => oracle.mayRead(asker, document, Date.now()));
      expect(answers).toContain(true);
      expect(answers).toContain(false);
    }
  });
});
