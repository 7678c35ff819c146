import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInThisContext } from 'node:vm';
import { QdrantClient } from '@qdrant/js-client-rest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NOTES, SIZE as EXAMPLE_SIZE } from '../../examples/notes.ts';
import { clientDocuments, PEOPLE, SIZE, vectorOf, type ClientDocument, type ClientPerson } from '../support/client-documents.ts';
import { indexTopics, KITS, makeCollection, type Address } from '../support/door-clients.ts';
import type { Json } from '../support/lossless.ts';
import { createOracle, type Oracle } from '../support/oracle.ts';
import { qdrantForTests, type TestQdrant } from '../support/qdrant.ts';
import { allow } from '../support/rights.ts';
import { withoutVersions } from '../support/wire-compare.ts';
import { LONG } from '../support/scale.ts';
import { startTestService, type TestService } from '../support/service.ts';

/** Unmodified clients from npm: each does the same at the door and at a Qdrant that holds only what its person may read. */
const TOP = 'upto:restricted+people';
const POLICY = ['everyone', 'client:test|app']
  .flatMap((who) => [allow(who, 'acme', 'retrieve', '*', TOP)])
  .concat(
    ['user:test|olga', 'client:test|app'].flatMap((who) =>
      ['ingest', 'label', 'administer'].map((action) => allow(who, 'acme', action, '*', TOP)),
    ),
  )
  .join('\n');
const DOCUMENTS = clientDocuments(20);
/** In CI an owner, a member of a group, and somebody in none. */
const READERS: readonly ClientPerson[] = LONG ? Object.values(PEOPLE) : [PEOPLE.olga, PEOPLE.ann, PEOPLE.gus];
const SOURCE = { title: 'Notes', owner: 'group:test|owners', level: 'internal', compartments: [], trust: 'trusted' };

let test: TestService;
let qdrant: TestQdrant;
let oracle: Oracle;

const tokenOf = ({ sub, groups }: ClientPerson): Promise<string> => test.token({ sub, client_id: 'app', groups, tenant: 'acme' });
const doorFor = async (person: ClientPerson): Promise<Address> => ({ url: test.service.qdrantUrl ?? '', apiKey: await tokenOf(person) });
const bare = (): Address => ({ url: qdrant.url, apiKey: qdrant.apiKey });

beforeAll(async () => {
  [test, qdrant] = await Promise.all([startTestService({ policy: POLICY, tenants: ['acme'] }), qdrantForTests()]);
  const source = { tenant: 'acme', source: 'notes', ...SOURCE };
  oracle = await createOracle({ policy: POLICY, source: () => source });
  const answer = await test.call('PUT', '/v1/sources/notes', await tokenOf(PEOPLE.olga), SOURCE);
  expect(answer.status, answer.text).toBe(201);
});
afterAll(async () => {
  await Promise.all([test.stop(), qdrant.stop()]);
});

/** Qdrant numbers the writes of a collection; nobody's numbers are shown at the door. */
const seen = (value: unknown): unknown => withoutVersions((value === undefined ? null : JSON.parse(JSON.stringify(value))) as Json);

function readable({ sub, groups }: ClientPerson, { acl, text, id }: ClientDocument): boolean {
  const person = { tenant: 'acme', sub, groups, employment: 'employee' } as const;
  const document = {
    tenant: 'acme',
    source: 'notes',
    document: id,
    text,
    metadata: { year: 0, kind: '' },
    acl: { gates: [acl], deny: [] },
  };
  return oracle.mayRead({ person, client: 'app', purpose: 'answer' }, document, Date.now());
}

async function collectionFor({ profile }: { readonly profile: object | string }, name: string, size = SIZE): Promise<void> {
  const body = { source: 'notes', profile, vectors: { size, distance: 'Cosine' } };
  const answer = await test.call('PUT', `/v1/collections/${name}`, await tokenOf(PEOPLE.olga), body);
  expect(answer.status, answer.text).toBe(201);
}

describe.each(KITS)('$name', (kit) => {
  const name = kit.name.slice(1).replaceAll(/\W/g, '-');
  const twin = (person: ClientPerson): string => `twin-${name}-${person.sub}`;

  beforeAll(async () => {
    await collectionFor(kit, name);
    const writer = await doorFor(PEOPLE.olga);
    await indexTopics(writer, name);
    await kit.write(writer, name, DOCUMENTS);
    for (const person of READERS) {
      await makeCollection(bare(), twin(person));
      await kit.write(
        bare(),
        twin(person),
        DOCUMENTS.filter((one) => readable(person, one)),
      );
    }
  });

  it.each(READERS)('gives $sub what they may read, as a Qdrant gives it that holds nothing else', async (person) => {
    const [door, there] = await Promise.all([kit.read(await doorFor(person), name), kit.read(bare(), twin(person))]);
    expect(seen(door)).toEqual(seen(there));
  });

  it('changes and deletes points', async () => {
    const mine = DOCUMENTS.filter((one) => readable(PEOPLE.olga, one));
    const door = await kit.change(await doorFor(PEOPLE.olga), name, mine);
    expect(seen(door)).toEqual(seen(await kit.change(bare(), twin(PEOPLE.olga), mine)));
    expect(seen(await kit.read(await doorFor(PEOPLE.olga), name))).toEqual(seen(await kit.read(bare(), twin(PEOPLE.olga))));
  });
});

const inOrder = (a: string, b: string): number => (a < b ? -1 : 1);

describe('examples/', () => {
  const run = (example: string, env: Record<string, string>, ...args: readonly string[]): Promise<readonly string[]> =>
    new Promise((resolve, reject) => {
      const file = join(import.meta.dirname, '../../examples', `${example}.ts`);
      const { PATH = '' } = process.env;
      execFile(process.execPath, [file, ...args], { env: { PATH, ...env }, timeout: 100_000 }, (error, out, err) => {
        if (error === null) resolve(out.trim().split('\n'));
        else reject(new Error(`${example}: ${err}`));
      });
    });
  const texts = (lines: readonly string[]): readonly string[] => lines.map((line) => line.replace(/^\S+ /, '')).sort(inOrder);
  const [coffee, leave, beyond] = NOTES.map(({ text }) => text);

  it.each([
    ['qdrant-js', 'plain'],
    ['langchain-qdrant', 'langchain'],
    ['mastra-qdrant', 'mastra'],
    ['llamaindex-qdrant', 'llamaindex'],
  ])('%s writes its notes, and shows each person those that are theirs', async (example, profile) => {
    const collection = `example-${profile}`;
    await collectionFor({ profile }, collection, EXAMPLE_SIZE);
    const as = async (sub: string, ...groups: readonly string[]): Promise<Record<string, string>> => ({
      DOOR_URL: test.service.qdrantUrl ?? '',
      COLLECTION: collection,
      SLUICE_TOKEN: await tokenOf({ sub, groups }),
    });
    expect(texts(await run(example, await as('olga', 'employees', 'hr'), '--write'))).toEqual([coffee, beyond, leave]);
    // One process more of each is a matter of minutes on a busy machine.
    if (example !== 'qdrant-js' && !LONG) return;
    expect(texts(await run(example, await as('marco', 'contractors'), 'how', 'long', 'is', 'leave'))).toEqual([coffee]);
  });
});

describe('README.md', () => {
  it('moves an application over in the three lines that it prints', async () => {
    const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');
    const printed = /## In place of Qdrant[^]*?```ts\n([^]*?)```/.exec(readme)?.[1] ?? '';
    const url = test.service.qdrantUrl ?? '';
    expect(printed).toContain('http://127.0.0.1:6363');
    // What is printed is what is run.
    const lines = printed.replace('http://127.0.0.1:6363', url);
    const printedCode = runInThisContext(`(QdrantClient, keyOfTheApplication, accessTokenOfTheUser) => { ${lines}; return client; }`) as (
      client: typeof QdrantClient,
      key: string,
      token: string,
    ) => QdrantClient;
    const key = { client: 'client:test|app', scopes: ['retrieve', 'ingest'], note: 'the application' };
    const made = await test.call('POST', '/v1/application-keys', await tokenOf(PEOPLE.olga), key);
    expect(made.status, made.text).toBe(201);
    const clientFor = async (person: ClientPerson): Promise<QdrantClient> =>
      printedCode(QdrantClient, made.json<{ key: string }>().key, await tokenOf(person));
    await collectionFor({ profile: 'plain' }, 'moved');
    const points = [
      { id: 1, vector: vectorOf('for all'), payload: { text: 'for all', acl: ['everyone'] } },
      { id: 2, vector: vectorOf('for hr'), payload: { text: 'for hr', acl: ['group:hr'] } },
    ];
    await (await clientFor(PEOPLE.olga)).upsert('moved', { wait: true, points });
    const idsFor = async (person: ClientPerson): Promise<readonly unknown[]> =>
      (await (await clientFor(person)).query('moved', { query: vectorOf('for'), with_payload: true })).points
        .map(({ id }) => id)
        .sort((a, b) => Number(a) - Number(b));
    expect(await idsFor(PEOPLE.olga)).toEqual([1, 2]);
    expect(await idsFor(PEOPLE.gus)).toEqual([1]);
  });
});
