import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientDocuments, PEOPLE, SIZE, type ClientDocument, type ClientPerson } from '../support/client-documents.ts';
import { indexTopics, KITS, makeCollection, type Address, type ClientKit } from '../support/door-clients.ts';
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
}, 60_000);
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

async function collectionFor(kit: ClientKit, name: string): Promise<void> {
  const body = { source: 'notes', profile: kit.profile, vectors: { size: SIZE, distance: 'Cosine' } };
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
