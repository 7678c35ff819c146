import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CASES, NAMELESS, type Probe } from '../support/existence-cases.ts';
import { documentPath, everyCombination, existenceWorld, type ExistenceWorld, type Target } from '../support/existence-world.ts';
import { seededRandom } from '../support/random.ts';
import { FULL, HELD, type Held } from '../support/rights.ts';
import { figure, LONG } from '../support/scale.ts';
import type { Answer } from '../support/service.ts';
import { openManifest } from '../support/open-manifest.ts';

/**
 * Whoever may not know of a thing gets the same bytes whether it is there, hidden in whatever way, or not: over every route of the
 * contract that names something, with every combination of rights that does not let them know.
 */
let world: ExistenceWorld;
let asked = 0;
let compared = 0;

beforeAll(async () => {
  world = await existenceWorld();
});
afterAll(async () => {
  figure('existence over every route', `${asked} requests in ${compared} groups of equal answers, ${Object.keys(CASES).length} routes`);
  await world.stop();
});

/** The headers that differ between any two requests. */
const OF_THE_REQUEST = new Set(['x-request-id', 'date', 'ratelimit', 'ratelimit-policy']);

/** Everything a client can see of an answer, with the name that it asked by taken out in every spelling. */
function seen(answer: Answer, { name }: Target): string {
  const headers = Object.entries(answer.headers).filter(([key]) => !OF_THE_REQUEST.has(key));
  const spellings = [name, encodeURIComponent(name), JSON.stringify(name).slice(1, -1)];
  const neutral = (text: string): string => spellings.reduce((rest, spelling) => rest.replaceAll(spelling, '<name>'), text);
  // Of what a call has just made: its own id and its times.
  const body = neutral(openManifest(answer.text).replaceAll(/"(requestId|id|at|\w+At)":"[^"]*"/g, '"$1":""'));
  return JSON.stringify([answer.status, headers, body]);
}

async function ask(token: string, probe: Probe, target: Target): Promise<string> {
  const { method, path, body, headers } = probe.call(target);
  asked += 1;
  return seen(await world.test.call(method, path, token, body, headers), target);
}

/** Names of one length are one group: their answers differ in nothing but that name. */
async function expectEqual(who: string, token: string, probe: Probe, targets: readonly Target[]): Promise<void> {
  const answers: { readonly target: Target; readonly answer: string }[] = [];
  const answered = async (target: Target): Promise<void> => void answers.push({ target, answer: await ask(token, probe, target) });
  if (probe.inTurn === true) for (const target of targets) await answered(target);
  else await Promise.all(targets.map(answered));
  const [first, ...rest] = answers;
  for (const { target, answer } of rest) expect(answer, `${who}: ${target.name} and ${first?.target.name ?? ''}`).toBe(first?.answer);
  compared += 1;
}

/** Lengths differ between plain and hostile names, and with them a content-length. */
function byLength(targets: readonly Target[]): readonly (readonly Target[])[] {
  const groups = new Map<string, Target[]>();
  for (const target of targets) {
    const key = `${JSON.stringify(target.name).length}/${encodeURIComponent(target.name).length}`;
    groups.set(key, [...(groups.get(key) ?? []), target]);
  }
  return [...groups.values()];
}

function blind(probe: Probe): readonly (readonly Held[])[] {
  const all = everyCombination().filter((actions) => !actions.some((action) => probe.knowing.includes(action)));
  if (LONG) return all;
  const widest = all.reduce((most, some) => (some.length > most.length ? some : most), []);
  return [[], widest, ...seededRandom(probe.knowing.length + probe.kind.length).some(all, 2, 2)];
}

const PROBES = Object.entries(CASES).flatMap(([operation, probes]) =>
  probes.map((probe, index) => [`${operation}, ${probe.kind}, ${index}`, probe] as const),
);

describe('every route of the contract', () => {
  it('has a case here, or names nothing', async () => {
    const { paths } = (await world.test.call('GET', '/openapi.json', undefined)).json<{
      paths: Record<string, Record<string, { operationId: string }>>;
    }>();
    const operations = Object.values(paths).flatMap((path) => Object.values(path).map(({ operationId }) => operationId));
    expect([...Object.keys(CASES), ...Object.keys(NAMELESS)].sort()).toEqual(operations.sort());
    const kinds = new Set(PROBES.map(([, { kind }]) => kind));
    expect(Object.keys(world.targets).filter((kind) => ![...kinds].some((known) => known === kind))).toEqual([]);
  });
});

describe('hidden and missing are the same bytes', () => {
  it.each(PROBES)('%s', async (_name, probe) => {
    const targets = world.targets[probe.kind];
    const before = compared;
    for (const group of byLength(targets)) {
      for (const actions of blind(probe)) {
        await expectEqual(`with ${actions.join(' ') || 'nothing'}`, await world.holding(actions), probe, group);
        if (actions.length > 1) {
          const through = await world.test.token({ sub: FULL.sub, client_id: `only-${actions[0] ?? ''}` });
          await expectEqual(`through an application with ${actions[0] ?? ''}`, through, probe, group);
        }
      }
      await expectEqual(
        'with rights over what is public',
        world.low,
        probe,
        group.filter(({ deep }) => deep),
      );
      await expectEqual('with a scope alone', await world.test.token({ sub: 'nobody', client_id: 'nothing' }), probe, group);
    }
    expect(compared - before).toBeGreaterThanOrEqual(5);
  });

  it('and to whoever may know they are not, and nobody above changed anything', async () => {
    for (const { name, source, exists } of world.targets.document) {
      const { status } = await world.test.call('GET', documentPath(source, name), world.full);
      expect([name, status]).toEqual([name, exists ? 200 : 404]);
    }
    const read = async (path: string): Promise<number> => (await world.test.call('GET', path, world.full)).status;
    expect([await read('/v1/sources/closed'), await read('/v1/sources/absent')]).toEqual([200, 404]);
    expect(await Promise.all(world.targets.request.map(({ name }) => read(`/v1/requests/${name}`)))).toEqual([200, 404, 404]);
    expect(await Promise.all(world.targets.access.map(({ name }) => read(`/v1/access-requests/${name}`)))).toEqual([200, 404, 404]);
    expect(await Promise.all(world.targets.repair.map(({ name }) => read(`/v1/reconciliations/${name}`)))).toEqual([200, 404, 404]);
    const { test, full } = world;
    const label = async (session: string): Promise<unknown> =>
      (await test.call('POST', `/v1/sessions/${session}/check`, full, { sink: { level: 'public' } })).json()['label'];
    expect([await label('theirs'), await label('others')]).toEqual([expect.objectContaining({ level: 'restricted' }), undefined]);
    const listed = [
      ...world.targets.group.map(({ name }) => `/v1/groups/${name}?issuer=dir`),
      ...world.targets.person.map(({ name }) => `/scim/v2/Users/${name}`),
    ];
    expect(await Promise.all(listed.map(read))).toEqual([200, 404, 200, 404, 404]);
    expect(await Promise.all(world.targets.revision.map(({ name }) => read(`/v1/policy/revisions/${name}`)))).toEqual([200, 404]);
    const explained = await Promise.all(world.targets.chunk.map(({ name }) => test.call('POST', '/v1/explain', full, { chunk: name })));
    expect(explained.map(({ status }) => status)).toEqual([200, 404, 404]);
  });

  it('for every right of one tenant over what is of another', async () => {
    const { test, foreign, targets } = world;
    for (const { name } of targets.document.filter(({ exists }) => exists)) {
      const [there, nowhere] = await Promise.all(
        [name, 'a'.repeat(name.length)].map((document) => test.call('GET', documentPath('open', document), foreign)),
      );
      expect(there?.status).toBe(nowhere?.status);
    }
    for (const [hidden, missing] of [
      ['/v1/sources/closed', '/v1/sources/nosuch'],
      [`/v1/requests/${targets.request[0]?.name ?? ''}`, `/v1/requests/${targets.request[2]?.name ?? ''}`],
    ] as const) {
      const [one, other] = await Promise.all([hidden, missing].map((path) => test.call('GET', path, foreign)));
      const named = (path: string): Target => ({ name: path.split('/').at(-1) ?? '', source: '', deep: true, exists: true });
      expect(seen(one as Answer, named(hidden))).toBe(seen(other as Answer, named(missing)));
      expect(one?.status).toBe(404);
    }
  });

  it('in the list of documents: only what one may know of', async () => {
    const listed = async (token: string): Promise<readonly string[]> =>
      (await world.test.call('GET', '/v1/sources/open/documents', token))
        .json<{ documents: { document: string }[] }>()
        .documents.map(({ document }) => document);
    const names = world.targets.document.filter(({ exists }) => exists).map(({ name }) => name);
    expect([...(await listed(world.full))].sort()).toEqual([...names, 'shown0'].sort());
    expect([...(await listed(await world.holding(['ingest'])))].sort()).toEqual([...names, 'shown0'].sort());
    const shallow = world.targets.document.filter(({ deep, exists }) => exists && !deep).map(({ name }) => name);
    expect([...(await listed(world.low))].sort()).toEqual([...shallow, 'shown0'].sort());
  });
});

describe('a writer', () => {
  it('learns that the id of somebody else is taken, and nothing else of it', async () => {
    const writer = await world.holding(HELD.filter((held) => held === 'ingest'));
    const { test } = world;
    const shown = await test.call('GET', documentPath('open', 'secret'), writer);
    expect(shown.json()).toEqual({ view: 'writer', source: 'open', document: 'secret' });
    expect((await test.call('GET', documentPath('open', 'absent'), writer)).status).toBe(404);
    const { documents } = (await test.call('GET', '/v1/sources/open/documents', writer)).json<{ documents: object[] }>();
    expect(documents).toContainEqual({ document: 'secret' });
    const patched = await test.call('PATCH', documentPath('open', 'secret'), writer, { acl: { allow: ['group:test|board'] } });
    expect(patched.json()).toEqual({ document: 'secret', changed: false });
  });
});
