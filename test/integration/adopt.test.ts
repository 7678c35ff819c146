import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isLosslessObject, parseLossless, writeLossless } from '../../src/core/points/lossless.ts';
import type { LosslessJson, LosslessObject } from '../../src/core/points/raw-json.ts';
import { sluice, type Ended } from '../support/command.ts';
import { qdrantForTests, type TestQdrant } from '../support/qdrant.ts';
import { startTestService, type TestService } from '../support/service.ts';

const POLICY = [
  'g, user:test|root, role:administrator, acme',
  'p, user:test|olga, acme, *, administer, *, *, *, allow',
  ...['user:test|olga', 'client:test|console'].flatMap((who) => [
    `p, ${who}, acme, *, label, upto:restricted, *, *, allow`,
    `p, ${who}, acme, *, ingest, upto:restricted, as:trusted, *, allow`,
    `p, ${who}, acme, *, audit, upto:restricted, *, *, allow`,
  ]),
  'p, client:test|console, acme, *, administer, *, *, *, allow',
  'p, everyone, acme, *, retrieve, upto:confidential, *, *, allow',
  'p, client:test|assistant, acme, *, retrieve, upto:confidential, *, *, allow',
].join('\n');
const SOURCE = { title: 'A source', owner: 'group:test|owners', level: 'public', compartments: [], trust: 'trusted' };
const MAP = `
profile: { text: page.body, title: page.name, provenance: none }
source: { field: team, table: { hr: people, eng: engineering, 7: engineering, legal: nowhere } }
acl:
  field: seen
  table: { all: [everyone], board: { allow: ['group:test|board'] } }
level: { field: level, missing: internal }
`;

/** A point as it lies in the old store; numbers are text, so that none of them is JavaScript's. */
function stored(id: string, more: Readonly<Record<string, string>> = {}): string {
  const members = { page: `{"body":"Note ${id.replaceAll('"', '')}","name":"N"}`, team: '"hr"', seen: '"all"', ...more };
  const kept = Object.entries(members).filter(([, value]) => value !== '');
  const payload = kept.map(([key, value]) => `"${key}":${value}`).join(',');
  const digit = (Buffer.from(id).reduce((sum, byte) => sum * 31 + byte, 7) % 97) / 10;
  return `{"id":${id},"vector":{"dense":[${digit},1,0.5],"terms":{"indices":[1,4000000000],"values":[0.5,1]},"many":[[1.0,0.0],[${digit},1.0]]},"payload":{${payload}}}`;
}
const UUID = '"5c56c793-69f3-4fbf-87e6-c4bf54c28c26"';
const GOOD = [
  stored('1', { count: '1.0', big: '18446744073709551615' }),
  stored('18446744073709551615', { team: '7' }),
  stored('9007199254740993', { seen: '"board"', team: '"eng"' }),
  stored(UUID, { seen: '"board"', level: '"confidential"' }),
  stored('5', { level: '"restricted"' }),
];
const BAD = [
  stored('101', { page: '{"name":"N"}' }),
  stored('102', { seen: '' }),
  stored('103', { seen: '"friends"', team: '"sales"' }),
  stored('104', { seen: '"friends"' }),
  stored('105', { level: '"cosmic"' }),
  stored('106', { team: '"legal"' }),
  stored('107', { _sluice: '{"zone":1}' }),
];
/** Whom the map lets read what, beside the level: nobody here is cleared for `restricted`. */
const READABLE = { anna: GOOD.slice(0, 2), bea: GOOD.slice(0, 4) };
const VECTORS = {
  vectors: { dense: { size: 3, distance: 'Dot' }, many: { size: 2, distance: 'Dot', multivector_config: { comparator: 'max_sim' } } },
};

let old: TestQdrant;
let here: TestService;
let folder: string;
let olga: string;
let collection: string;

async function ask(base: string, method: string, path: string, body: string | undefined, headers: object): Promise<LosslessJson> {
  const sent = { method, headers: { 'content-type': 'application/json', ...headers }, ...(body === undefined ? {} : { body }) };
  const answer = await fetch(`${base}${path}`, sent);
  const text = await answer.text();
  expect(answer.status, text).toBe(200);
  const value = parseLossless(text);
  return isLosslessObject(value) ? (value['result'] ?? null) : null;
}
const there = (method: string, path: string, body?: string) =>
  ask(old.url, method, path, body, old.apiKey === undefined ? {} : { 'api-key': old.apiKey });

async function makeOld(name: string, modifier: string, points: readonly string[]): Promise<string> {
  await there('PUT', `/collections/${name}`, JSON.stringify({ ...VECTORS, sparse_vectors: { terms: { modifier } } }));
  await there('PUT', `/collections/${name}/points?wait=true`, `{"points":[${points.join(',')}]}`);
  return name;
}

const adopt = (...more: readonly string[]): Promise<Ended> =>
  sluice(
    [
      'adopt',
      collection,
      '--from',
      old.url,
      '--from-api-key-env',
      'OLD_KEY',
      '--as',
      'notes',
      '--map',
      join(folder, 'map.yaml'),
      '--json',
      ...more,
    ],
    { SLUICE_URL: here.url, SLUICE_TOKEN: olga, OLD_KEY: old.apiKey ?? 'none' },
  );
const published = async (): Promise<number> => {
  const answer = await here.call('GET', '/v1/audit/events?kind=document.published&limit=100', olga);
  return answer.json<{ events: unknown[] }>().events.length;
};

/** Points by id, each as it was written; what is ranked keeps its order. */
function points(result: LosslessJson): readonly string[] {
  const list = isLosslessObject(result) ? result['points'] : undefined;
  return ((list ?? []) as readonly LosslessObject[]).map(({ id, payload, vector, score }) =>
    writeLossless({ id: id ?? null, payload: payload ?? null, vector: sorted(vector), score: score ?? null }),
  );
}
const sorted = (vector: LosslessJson | undefined): LosslessJson =>
  isLosslessObject(vector) ? Object.fromEntries(Object.entries(vector).toSorted(([a], [b]) => (a < b ? -1 : 1))) : null;

beforeAll(async () => {
  [old, here, folder] = await Promise.all([
    qdrantForTests(),
    startTestService({ policy: POLICY, tenants: ['acme'] }),
    mkdtemp(join(tmpdir(), 'sluice-adopt-')),
  ]);
  olga = await here.token({ sub: 'olga', client_id: 'console', scope: 'ingest sources audit admin' });
  for (const source of ['people', 'engineering']) expect((await here.call('PUT', `/v1/sources/${source}`, olga, SOURCE)).status).toBe(201);
  await writeFile(join(folder, 'map.yaml'), MAP);
  collection = await makeOld(old.freshCollection(), 'idf', [...GOOD, ...BAD]);
});
afterAll(async () => {
  await here.stop();
  await old.stop();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

describe('adopting a collection of another Qdrant', () => {
  it('is refused where its server weighs terms by hidden points too, unless that is given up', async () => {
    const refused = await adopt();
    expect([refused.code, refused.json<{ error: { code: string } }>().error.code]).toEqual([1, 'idf']);
  });

  it('says first what is missing, and exposes nothing while anything is', async () => {
    const report = await adopt('--without-idf', '--dry-run');
    const { problems, ...rest } = report.json<{ problems: { what: string; detail?: string; points: number; ids: string[] }[] }>();
    expect(rest).toEqual({ points: 12, sources: { people: 3, engineering: 2 }, written: 0 });
    const found = problems
      .map(({ what, detail, points: some, ids }) => [what, detail ?? '', some, ids])
      .sort((a, b) => (String(a) < String(b) ? -1 : 1));
    expect(found).toEqual([
      ['forbidden', expect.stringContaining('nowhere') as string, 1, ['106']],
      ['no-acl', '', 1, ['102']],
      ['no-text', '', 1, ['101']],
      ['reserved-key', '', 1, ['107']],
      ['unknown_level', expect.stringContaining('cosmic') as string, 1, ['105']],
      ['unmapped-acl', 'friends', 2, ['103', '104']],
      ['unmapped-source', 'sales', 1, ['103']],
    ]);
    expect([report.code, (await adopt('--without-idf')).code]).toEqual([1, 1]);
    expect((await here.call('GET', '/v1/collections/notes', olga)).status).toBe(404);
    expect(await published()).toBe(0);
  });

  it('then shows each person what a Qdrant that holds only their points would; and repeated, it changes nothing', async () => {
    const before = await there('POST', `/collections/${collection}/points/scroll`, '{"limit":100,"with_vector":true}');
    const done = await adopt('--without-idf', '--leave-out');
    expect([done.code, done.json()]).toMatchObject([0, { written: 5, leftOut: 7 }]);
    expect(await there('POST', `/collections/${collection}/points/scroll`, '{"limit":100,"with_vector":true}')).toEqual(before);
    expect(await published()).toBe(5);
    expect([(await adopt('--without-idf', '--leave-out')).code, await published()]).toEqual([0, 5]);
    for (const [person, readable] of Object.entries(READABLE)) {
      const bare = await makeOld(old.freshCollection(), 'none', readable);
      const token = await here.token({ sub: person, client_id: 'assistant', groups: person === 'bea' ? ['board'] : [] });
      const asked = async (path: string, body: object): Promise<readonly (readonly string[])[]> => {
        const text = JSON.stringify({ ...body, limit: 100, with_vector: true, with_payload: true });
        const door = await ask(here.qdrantUrl, 'POST', `/collections/notes/points/${path}`, text, { authorization: `Bearer ${token}` });
        return [points(door), points(await there('POST', `/collections/${bare}/points/${path}`, text))];
      };
      const [all, wanted] = await asked('scroll', {});
      expect(wanted).toHaveLength(readable.length);
      expect(all?.toSorted()).toEqual(wanted?.toSorted());
      for (const query of [
        { query: [1, 2, 3], using: 'dense' },
        { query: { indices: [4_000_000_000], values: [1] }, using: 'terms' },
        { query: [[1, 1]], using: 'many' },
      ]) {
        const [found, right] = await asked('query', query);
        expect(found?.toSorted()).toEqual(right?.toSorted());
      }
    }
  });
});
