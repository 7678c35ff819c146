import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { doorPeople, pickAskers, type DoorPeople } from './door-people.ts';
import type { Json } from './lossless.ts';
import type { Oracle, Asker } from './oracle.ts';
import { INDEXES, sampleId, samplePayload, sampleVector, SHAPES, type SamplePoint, type ShapeName } from './point-samples.ts';
import { qdrantForTests, type TestQdrant } from './qdrant.ts';
import { seededRandom, type Random } from './random.ts';
import { AUDIENCE, startTestService, type TestService } from './service.ts';
import { startTestIssuer } from './test-issuer.ts';
import { sideOf, type Side } from './wire.ts';
import type { WorldDocument } from './world.ts';

/** A point, and the document that it is. */
export interface WorldPoint extends SamplePoint {
  readonly document: WorldDocument;
}

/** One person through one application, in a tenant of their own, so that the worlds can differ in what that person may not read. */
export interface DoorCaller extends Asker {
  readonly tenant: string;
  readonly token: string;
  /** The door of the world that holds everything, and of that in which what this caller may not read never existed. */
  readonly crowded: Side;
  readonly bare: Side;
  /** A Qdrant with collections of what this caller may read: `twinOf(caller, shape)`. */
  readonly readable: Readonly<Record<ShapeName, readonly WorldPoint[]>>;
}

export interface DoorWorld {
  readonly crowded: TestService;
  readonly bare: TestService;
  readonly qdrant: TestQdrant;
  readonly twin: Side;
  readonly people: DoorPeople;
  readonly oracle: Oracle;
  readonly callers: readonly DoorCaller[];
  readonly points: Readonly<Record<ShapeName, readonly WorldPoint[]>>;
  stop(): Promise<void>;
}

export interface DoorWorldOptions {
  readonly seed: number;
  readonly callers: number;
  readonly points: number;
  readonly shapes: readonly ShapeName[];
}

/** The collection on the bare Qdrant that holds what this caller may read. */
export function twinOf({ tenant }: Pick<DoorCaller, 'tenant'>, shape: ShapeName): string {
  return `twin-${tenant}-${shape}`;
}

/** Two deployments name chunks differently; these two stand for one. */
function sameChunkSecret(dataDir: string): void {
  const db = new DatabaseSync(join(dataDir, 'sluice.sqlite'), { timeout: 5_000 });
  db.prepare(`update secrets set value = 'the same' where name = 'chunk-ids'`).run();
  db.close();
}

/** Points as an application of each source writes them: the ACL and the label stand in the payload. */
function worldPoints(people: DoorPeople, shape: ShapeName, count: number, random: Random): readonly WorldPoint[] {
  return Array.from({ length: count }, (_, number) => {
    const id = sampleId(number);
    const { acl, ...label } = people.access(random);
    const access = { acl, ...label } as unknown as Json;
    const document: WorldDocument = {
      tenant: '',
      source: random.pick(people.sources).source,
      document: `${shape}/${JSON.stringify(id).replaceAll('"', '')}`,
      text: '',
      metadata: { year: 0, kind: '' },
      acl,
      ...label,
    };
    return { id, vector: sampleVector(shape, random), payload: { ...samplePayload(random), access }, document };
  });
}

const PROFILE = {
  text: 'content',
  acl: 'access.acl',
  level: 'access.level',
  compartments: 'access.compartments',
  trust: 'access.trust',
  provenance: 'none',
};

async function change(test: TestService, token: string, path: string, body: object): Promise<void> {
  const answer = await test.call('PUT', path, token, body);
  assert.ok(answer.status < 300, `${path} ${answer.text}`);
}

/** Sources, a collection of each shape, and these points in the order given, each by the application of its source. */
async function fill(
  test: TestService,
  door: (token: string) => Side,
  people: DoorPeople,
  tenant: string,
  shapes: readonly ShapeName[],
  points: Readonly<Record<ShapeName, readonly WorldPoint[]>>,
): Promise<void> {
  const token = (client_id: string): Promise<string> => test.token({ tenant, sub: client_id, client_id, groups: undefined });
  const root = await token('root');
  for (const { tenant: _, source, ...body } of people.sources) await change(test, root, `/v1/sources/${source}`, body);
  const byClient = people.sources.map(({ source }) => ({ client: `client:test|writer-${source}`, source }));
  const writers = new Map<string, Side>();
  for (const { source } of people.sources) writers.set(source, door(await token(`writer-${source}`)));
  const admin = door(root);
  for (const shape of shapes) {
    const { params } = SHAPES[shape];
    const made = { vectors: params.vectors, ...('sparse_vectors' in params ? { sparseVectors: params.sparse_vectors } : {}) };
    await change(test, root, `/v1/collections/${shape}`, { source: people.sources[0]?.source, byClient, profile: PROFILE, ...made });
    for (const [source, writer] of writers) {
      const mine = points[shape].filter(({ document }) => document.source === source);
      if (mine.length > 0) await put(writer, shape, mine);
    }
    await index(admin, shape);
  }
  for (const side of [admin, ...writers.values()]) await side.close();
}

async function put(side: Side, collection: string, points: readonly SamplePoint[]): Promise<void> {
  const body = { points: points.map(({ id, vector, payload }) => ({ id, vector, payload })) };
  const answer = await side.send('PUT', `/collections/${collection}/points?wait=true`, body);
  assert.equal(answer.status, 200, answer.text);
}

async function index(side: Side, collection: string): Promise<void> {
  for (const [field_name, field_schema] of Object.entries(INDEXES)) {
    const answer = await side.send('PUT', `/collections/${collection}/index?wait=true`, { field_name, field_schema });
    assert.equal(answer.status, 200, answer.text);
  }
}

/** The same collection in a bare Qdrant. */
export async function fillTwin(side: Side, collection: string, shape: ShapeName, points: readonly SamplePoint[]): Promise<void> {
  const made = await side.send('PUT', `/collections/${collection}`, SHAPES[shape].params);
  assert.equal(made.status, 200, made.text);
  if (points.length > 0) await put(side, collection, points);
  await index(side, collection);
}

export async function startDoorWorld({ seed, callers: count, points: many, shapes }: DoorWorldOptions): Promise<DoorWorld> {
  const random = seededRandom(seed);
  const people = doorPeople(seed);
  const tenants = Array.from({ length: count }, (_, n) => `w${n}`);
  const now = Date.now();
  const [oracle, issuer, qdrant] = await Promise.all([
    people.oracleFor(tenants),
    startTestIssuer({ name: 'test', tenants, audience: AUDIENCE, now: () => now }),
    qdrantForTests(),
  ]);
  const options = { policy: people.policyFor(tenants), tenants, issuer, options: { clock: { now: () => now } } };
  const [crowded, bare] = await Promise.all([startTestService(options), startTestService(options)]);
  for (const { dataDir } of [crowded, bare]) sameChunkSecret(dataDir);
  const points = { plain: worldPoints(people, 'plain', many, random), named: worldPoints(people, 'named', many, random) };
  const twin = sideOf(qdrant.url, qdrant.apiKey === undefined ? {} : { 'api-key': qdrant.apiKey });
  const inFirst = <T>(one: T): T & { readonly tenant: string } => ({ ...one, tenant: tenants[0] ?? '' });
  const documents = points.named.map(({ document }) => inFirst(document));
  const askers = pickAskers(oracle, people.people.map(inFirst), documents, count);
  const doorOf = (test: TestService) => (token: string) => sideOf(test.service.qdrantUrl ?? '', { 'api-key': token });
  const callers = await Promise.all(
    askers.map(async (asker, n): Promise<DoorCaller> => {
      const tenant = tenants[n] ?? '';
      const { sub, groups, employment } = asker.person;
      const token = await issuer.sign({ tenant, sub, client_id: asker.client, groups: [...groups], employment, scope: 'retrieve' });
      const person = { ...asker.person, tenant };
      const mine = (shape: ShapeName): readonly WorldPoint[] =>
        points[shape].filter(({ document }) => oracle.mayRead({ ...asker, person }, { ...document, tenant }, now));
      const readable = { plain: mine('plain'), named: mine('named') };
      return { ...asker, person, tenant, token, readable, crowded: doorOf(crowded)(token), bare: doorOf(bare)(token) };
    }),
  );
  for (const caller of callers) {
    await Promise.all([
      fill(crowded, doorOf(crowded), people, caller.tenant, shapes, points),
      fill(bare, doorOf(bare), people, caller.tenant, shapes, caller.readable),
      ...shapes.map((shape) => fillTwin(twin, twinOf(caller, shape), shape, caller.readable[shape])),
    ]);
  }
  return {
    crowded,
    bare,
    qdrant,
    twin,
    people,
    oracle,
    callers,
    points,
    async stop() {
      await Promise.all([twin.close(), ...callers.flatMap((caller) => [caller.crowded.close(), caller.bare.close()])]);
      await Promise.all([crowded.stop(), bare.stop(), qdrant.stop()]);
      await issuer.stop();
    },
  };
}
