import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generated } from '../support/corpus.ts';
import { embed } from '../support/embedding-server.ts';
import { allow } from '../support/rights.ts';
import { figure, trials } from '../support/scale.ts';
import type { Answer, TestService } from '../support/service.ts';
import { OTHER, startTwoWorlds, type TwoWorlds } from '../support/two-worlds.ts';
import { openManifest } from '../support/open-manifest.ts';

/**
 * Two worlds that differ only in what their readers may not see give the same answers: chunks, ranks, scores, labels, counts, lists,
 * records, errors. What may differ is named in `neutral`: ids of requests, times, and the name of the policy revision, which says
 * that the policy changed and not what it says of whom.
 */
const TRIALS = trials(2, 120);
/** A shrinking failure takes fresh tenants too; without any left it ends where it is. */
const SPARE = 40;
const TEXTS = generated(40, 5).map(({ text }) => text);
const PAST = '2001-01-01T00:00:00Z';
const SOURCE = { title: 'Open', owner: 'group:test|owners', level: 'public', compartments: [], trust: 'trusted' };
const BOARD = { allow: ['group:test|board'] };

/** Every reason for which a document beside the readable ones is not readable to staff and hr. */
const HIDINGS: Readonly<
  Record<string, { readonly source?: string; readonly tenant?: string; readonly fields?: object; readonly switched?: true }>
> = {
  acl: { fields: { acl: BOARD } },
  denied: { fields: { acl: { allow: ['everyone'], deny: ['everyone'] } } },
  gate: { fields: { acl: { gates: [['everyone'], ['group:test|board']] } } },
  nobody: { fields: { acl: { gates: [] } } },
  quarantined: { fields: { acl: { allow: ['everyone'], deny: ['user:elsewhere|x'] } } },
  ended: { fields: { validUntil: PAST } },
  later: { fields: { validFrom: '2999-01-01T00:00:00Z' } },
  'grant that ended': { fields: { acl: { allow: [{ principal: 'everyone', until: PAST }, 'group:test|board'] } } },
  'deny for a time': {
    fields: { acl: { allow: ['everyone'], deny: [{ principal: 'everyone', from: PAST, until: '2999-01-01T00:00:00Z' }] } },
  },
  'switched off': { switched: true },
  'secret source': { source: 'secret' },
  'capped source': { source: 'capped' },
  'other tenant': { tenant: OTHER },
};

type Step =
  | { readonly kind: 'page'; readonly page: number; readonly text: number; readonly label: 'public' | 'internal' | 'restricted' }
  | { readonly kind: 'hidden'; readonly name: number; readonly text: number; readonly hiding: string }
  | { readonly kind: 'gone'; readonly name: number; readonly text: number }
  | { readonly kind: 'policy'; readonly who: number }
  | { readonly kind: 'switch'; readonly who: number }
  | { readonly kind: 'asked'; readonly text: number };

const text = fc.nat(TEXTS.length - 1);
const number = fc.nat(9);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('page' as const),
      page: number,
      text,
      label: fc.constantFrom('public' as const, 'internal' as const, 'restricted' as const),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('hidden' as const), name: number, text, hiding: fc.constantFrom(...Object.keys(HIDINGS)) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('gone' as const), name: number, text }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('policy' as const), who: number }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('switch' as const), who: number }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('asked' as const), text }) },
);
const question = fc.record(
  {
    query: text.chain((of) => fc.constantFrom(...(TEXTS[of] ?? '').split(/\s+/).filter((word) => word.length > 3))),
    vector: text.map((of) => embed(TEXTS[of] ?? '')),
    limit: fc.constantFrom(1, 3, 8, 100),
    sources: fc.constantFrom(['open'], ['open', 'secret'], ['secret'], ['never']),
    maxLevel: fc.constantFrom('public', 'internal'),
    filter: fc.constant({ must: [{ key: 'metadata.year', match: { value: 2026 } }] }),
    session: fc.constantFrom('one', 'two'),
  },
  { requiredKeys: ['limit'] },
);
/** `varied`: the ACLs of readable documents name other people too in the crowded world. */
const scenario = fc.record({
  steps: fc.array(step, { minLength: 15, maxLength: 30 }),
  questions: fc.array(question, { minLength: 8, maxLength: 8 }),
  varied: fc.boolean(),
});
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

let worlds: TwoWorlds;
let tenants: string[];
/** For the test that needs no other. */
const KEPT = 'kept';
let answers = 0;
let released = 0;

beforeAll(async () => {
  tenants = Array.from({ length: TRIALS + SPARE }, (_, n) => `t${n}`);
  worlds = await startTwoWorlds([...tenants, KEPT]);
  await change(worlds.crowded, await worlds.token(OTHER, 'owner'), 'PUT', '/v1/sources/open', SOURCE);
});
afterAll(async () => {
  figure(
    'non-interference: worlds that differ in what is hidden',
    `${TRIALS} pairs of worlds, ${answers} equal pairs of answers, ${released} chunks in them`,
  );
  await worlds.stop();
});

async function change(test: TestService, bearer: string, method: string, path: string, body?: object): Promise<void> {
  const answer = await test.call(method, path, bearer, body);
  expect(answer.status, `${method} ${path} ${answer.text}`).toBeLessThan(300);
}

function bodyOf(words: string, fields: object = {}): object {
  return { mediaType: 'text/markdown', text: words, run: 'run-1', acl: { allow: ['everyone'] }, metadata: { year: 2026 }, ...fields };
}

/** Read as the plain one by everybody who asks here. */
const VARIED = {
  gates: [
    ['everyone', 'user:test|zoe', { principal: 'group:test|board', until: PAST }],
    ['everyone', 'group:test|ops'],
  ],
  deny: ['client:test|nothing', 'user:test|mallory', { principal: 'user:test|stan', until: PAST }],
};

async function sources(test: TestService, owner: string, withHidden: boolean): Promise<void> {
  if (withHidden) {
    await change(test, owner, 'PUT', '/v1/sources/secret', { ...SOURCE, level: 'restricted', compartments: ['people'] });
    await change(test, owner, 'PUT', '/v1/sources/capped', { ...SOURCE, ceiling: ['group:test|board'] });
  }
  await change(test, owner, 'PUT', '/v1/sources/open', SOURCE);
}

async function visible(test: TestService, owner: string, one: Extract<Step, { kind: 'page' }>, acl: object): Promise<void> {
  await change(test, owner, 'PUT', `/v1/sources/open/documents/page-${one.page}`, bodyOf(TEXTS[one.text] ?? '', { level: one.label, acl }));
}

/** No two pages share a text, so that no two chunks are as near to a vector as each other. */
function apart(one: Extract<Step, { kind: 'page' }>): typeof one {
  return { ...one, text: one.page * 4 + (one.text % 4) };
}

/** What only the crowded world sees. */
async function hide(tenant: string, one: Exclude<Step, { kind: 'page' }>): Promise<void> {
  const { crowded: test, token } = worlds;
  const owner = await token(tenant, 'owner');
  switch (one.kind) {
    case 'hidden': {
      const { source = 'open', tenant: at = tenant, fields = {}, switched } = HIDINGS[one.hiding] ?? {};
      const id = `hidden-${one.name}-${one.hiding.replaceAll(' ', '-')}`;
      // A near-copy of what is readable, so that it would win ranks if it took part.
      await change(
        test,
        at === tenant ? owner : await token(at, 'owner'),
        'PUT',
        `/v1/sources/${source}/documents/${id}`,
        bodyOf(`${TEXTS[one.text] ?? ''} x`, fields),
      );
      if (switched === true) await change(test, owner, 'POST', '/v1/switches', { kind: 'document', id: `open/${id}`, reason: 'hidden' });
      return;
    }
    case 'gone': {
      const path = `/v1/sources/open/documents/gone-${one.name}`;
      await change(test, owner, 'PUT', path, bodyOf(TEXTS[one.text] ?? ''));
      return change(test, owner, 'DELETE', path);
    }
    case 'policy': {
      const { revision, policy } = (await test.call('GET', '/v1/policy/revisions', owner)).json<{ revision: string; policy: string }>();
      const about = [
        allow(`user:test|x${one.who}`, tenant, 'retrieve'),
        `p, group:test|ops, ${tenant}, open, retrieve, from:public, *, *, deny`,
      ];
      return change(test, owner, 'POST', '/v1/policy/revisions', { policy: [policy.trimEnd(), ...about].join('\n'), parent: revision });
    }
    case 'switch':
      return change(test, owner, 'POST', '/v1/switches', {
        kind: one.who % 2 === 0 ? 'user' : 'client',
        id: `${one.who % 2 === 0 ? 'user' : 'client'}:test|x${one.who}`,
        reason: 'hidden',
      });
    case 'asked':
      return change(test, await token(tenant, 'bo', ['board', 'staff']), 'POST', '/v1/retrieve', {
        query: (TEXTS[one.text] ?? '').slice(0, 300),
        session: 'one',
      });
  }
}

async function build(tenant: string, { steps, varied }: Scenario): Promise<void> {
  const owner = await worlds.token(tenant, 'owner');
  await Promise.all([sources(worlds.bare, owner, false), sources(worlds.crowded, owner, true)]);
  for (const one of steps) {
    if (one.kind !== 'page') await hide(tenant, one);
    else {
      await visible(worlds.bare, owner, varied ? apart(one) : one, { allow: ['everyone'] });
      await visible(worlds.crowded, owner, varied ? apart(one) : one, varied ? VARIED : { allow: ['everyone'] });
    }
  }
}

interface Chunk {
  readonly id: string;
}

/** Where ACLs vary, so do the names of chunks. */
function withoutNames(chunks: readonly Chunk[]): readonly unknown[] {
  return chunks.map(({ id: _id, ...rest }) => rest);
}

function neutral({ status, text: body }: Answer, varied: boolean): string {
  const parsed = JSON.parse(body) as { readonly chunks?: readonly Chunk[] };
  const kept =
    varied && Array.isArray(parsed.chunks) ? JSON.stringify({ ...parsed, chunks: withoutNames(parsed.chunks as readonly Chunk[]) }) : body;
  released += Array.isArray(parsed.chunks) ? parsed.chunks.length : 0;
  const opened = openManifest(kept);
  // Ids of chunks are the names of what a manifest is about.
  return `${status} ${(varied ? opened.replaceAll(/"name":"[0-9a-f-]{36}"/g, '') : opened)
    .replaceAll(/"requestId":"[^"]*"/g, '')
    .replaceAll(/"(?:at|updatedAt)":"[^"]*"/g, '')
    .replaceAll(/"(?:policyRevision|revision)":"[^"]*"/g, '')}`;
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
}

/** Names of chunks break ties. Where they vary, only vectors are asked for, since words tie and vectors do not. */
function bodyToAsk({ query, vector, ...rest }: Scenario['questions'][number], varied: boolean): object {
  if (varied) return { ...rest, vector: vector ?? embed(query ?? 'a') };
  if (vector === undefined) return { ...rest, query: query ?? 'the' };
  return query === undefined ? { ...rest, vector } : { ...rest, query, vector };
}

/** Everything that a reader can ask, by any name that exists in either world or in none. */
function asks({ steps, questions, varied }: Scenario): readonly Asked[] {
  const names = [
    'page-0',
    'page-3',
    'absent-1',
    ...steps.flatMap((one) => (one.kind === 'hidden' ? [`hidden-${one.name}-${one.hiding.replaceAll(' ', '-')}`] : [])),
  ];
  return [
    ...questions.map((one) => ({ method: 'POST', path: '/v1/retrieve', body: bodyToAsk(one, varied) })),
    ...[{}, { sources: ['open'] }, { sources: ['secret'] }, { maxLevel: 'public' }].map((body) => ({
      method: 'POST',
      path: '/v1/count',
      body,
    })),
    ...[
      '/v1/sources',
      '/v1/sources/secret',
      '/v1/sources/open/documents',
      '/v1/sources/secret/documents',
      '/v1/switches',
      '/v1/groups',
    ].map((path) => ({ method: 'GET', path })),
    ...[...new Set(names)].flatMap((name) => [
      { method: 'GET', path: `/v1/sources/open/documents/${name}` },
      { method: 'POST', path: '/v1/explain', body: { document: { source: 'open', document: name } } },
    ]),
    { method: 'POST', path: '/v1/sessions/one/check', body: { sink: { level: 'public' } } },
    { method: 'POST', path: '/v1/retrieve', body: { query: 'x', filter: { must: [{ key: 'zone', match: { value: 1 } }] } } },
  ];
}

const READERS = [
  ['stan', ['staff']],
  ['hana', ['hr', 'staff']],
  ['nobody', []],
] as const;

async function compare(tenant: string, given: Scenario): Promise<void> {
  for (const [sub, groups] of READERS) {
    const bearer = await worlds.token(tenant, sub, groups);
    for (const { method, path, body } of asks(given)) {
      const [alone, among] = await Promise.all([worlds.bare, worlds.crowded].map(({ call }) => call(method, path, bearer, body)));
      if (alone === undefined || among === undefined) throw new Error('two worlds were asked');
      expect(neutral(among, given.varied), `${sub} ${method} ${path} ${JSON.stringify(body ?? {}).slice(0, 300)}`).toBe(
        neutral(alone, given.varied),
      );
      answers += 1;
    }
  }
}

describe('worlds that differ in what their readers may not see', () => {
  it('answer them the same: chunks, ranks, scores, labels, counts, lists, records, explanations and errors', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async (given) => {
        const tenant = tenants.pop();
        if (tenant === undefined) return;
        await build(tenant, given);
        await compare(tenant, given);
      }),
      { numRuns: TRIALS },
    );
    expect(released).toBeGreaterThan(TRIALS * 10);
  }, 3_600_000);

  it('do differ, for whoever may see it', async () => {
    const tenant = KEPT;
    await build(tenant, {
      varied: false,
      questions: [],
      steps: [
        { kind: 'page', page: 1, text: 1, label: 'public' },
        { kind: 'hidden', name: 1, text: 1, hiding: 'acl' },
        { kind: 'hidden', name: 1, text: 1, hiding: 'secret source' },
      ],
    });
    const board = await worlds.token(tenant, 'bo', ['board', 'staff']);
    const ask = { query: (TEXTS[1] ?? '').slice(0, 200), limit: 100 };
    const [alone, among] = await Promise.all([worlds.bare, worlds.crowded].map(({ call }) => call('POST', '/v1/retrieve', board, ask)));
    expect(among?.text).toContain('hidden-1');
    expect(alone?.text).not.toContain('hidden-1');
  });
});
