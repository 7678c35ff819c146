import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BlastRadius } from '../../src/administration/blast-radius.ts';
import type { Explanation } from '../../src/administration/explain-view.ts';
import type { PolicyDiff } from '../../src/administration/policy-diff.ts';
import { createOracle, type Asker, type Oracle } from '../support/oracle.ts';
import { seededRandom } from '../support/random.ts';
import { figure, trials } from '../support/scale.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { PURPOSES, randomWorld, type Person, type WorldDocument, type WorldSource } from '../support/world.ts';

const SEED = 20_261_121;
const FILES = Array.from({ length: 90 }, (_, index) => ({ path: `${index}.md`, text: `The harbour number ${index} is deep.` }));
const world = randomWorld(SEED, FILES);
const TOP = 'upto:restricted+finance+legal+people';

/** Who may look at everything, and through what; no line of theirs is about retrieving. */
function inspectors(tenant: string): string {
  return [
    `p, user:test|root, ${tenant}, *, audit, ${TOP}, *, *, allow`,
    `p, client:test|inspect, ${tenant}, *, audit, ${TOP}, *, *, allow`,
    `p, client:test|inspect, ${tenant}, *, administer, *, *, *, allow`,
  ].join('\n');
}

function policyOf(lines: string): string {
  return [lines, ...world.tenants.map(inspectors)].join('\n');
}

const user = ({ sub }: Person): string => `user:test|${sub}`;
const groups = (person: Person): readonly string[] => person.groups.map((name) => `group:test|${name}`);

describe('reports about decisions', () => {
  const random = seededRandom(SEED);
  const sourceOf = (tenant: string, source: string): WorldSource => {
    const found = world.sources.find((one) => one.tenant === tenant && one.source === source);
    if (found === undefined) throw new Error('no such source');
    return found;
  };
  let test: TestService;
  let oracle: Oracle;

  const inspector = (tenant: string): Promise<string> => test.token({ tenant, sub: 'root', client_id: 'inspect', groups: [] });
  const asker = (): Asker => ({ person: random.pick(world.people), client: random.pick(world.clients), purpose: random.pick(PURPOSES) });
  const readable = (of: Oracle, one: Asker): readonly WorldDocument[] =>
    world.documents.filter((document) => document.tenant === one.person.tenant && of.mayRead(one, document, Date.now()));
  const nameOf = ({ source, document }: { readonly source: string; readonly document: string }): string => `${source}/${document}`;
  const described = ({ person, client, purpose }: Asker): object => ({
    user: user(person),
    client: `client:test|${client}`,
    groups: groups(person),
    guest: person.employment === 'guest',
    purpose,
  });
  async function ask<T>(path: string, tenant: string, body: object): Promise<T> {
    const answer = await test.call('POST', path, await inspector(tenant), body);
    expect(answer.status, answer.text).toBe(200);
    return answer.json<T>();
  }

  beforeAll(async () => {
    test = await startTestService({ policy: policyOf(world.policy), tenants: world.tenants });
    oracle = await createOracle({ policy: world.policy, source: sourceOf });
    for (const { tenant, source, ...body } of world.sources) {
      const loader = await test.token({ tenant, sub: 'loader', client_id: 'loader', groups: undefined });
      expect((await test.call('PUT', `/v1/sources/${source}`, loader, body)).status).toBe(201);
      const mine = world.documents.filter((one) => one.tenant === tenant && one.source === source);
      const lines = mine.map(({ tenant: _t, source: _s, ...one }) => JSON.stringify({ ...one, mediaType: 'text/markdown' }));
      if (lines.length === 0) continue;
      const type = { 'content-type': 'application/x-ndjson' };
      const answer = await test.call('POST', `/v1/sources/${source}/documents`, loader, `${lines.join('\n')}\n`, type);
      expect(answer.text).not.toContain('"error"');
    }
  });
  afterAll(() => test.stop());

  it('explain each document as the oracle decides it', async () => {
    const seen = { pass: 0, refuse: 0 };
    const count = trials(150, 5_000);
    for (let n = 0; n < count; n++) {
      const one = asker();
      const document = random.pick(world.documents.filter(({ tenant }) => tenant === one.person.tenant));
      const named = { document: { source: document.source, document: document.document } };
      const { decision } = await ask<Explanation>('/v1/explain', one.person.tenant, { ...named, ...described(one) });
      const expected = oracle.mayRead(one, document, Date.now()) ? 'pass' : 'refuse';
      expect(decision, JSON.stringify([one, document])).toBe(expected);
      seen[expected] += 1;
    }
    expect(Math.min(seen.pass, seen.refuse)).toBeGreaterThan(10);
    figure('explain against the oracle', `${count} questions, 0 divergences`);
  });

  it('never take unknown groups for none: what is told without them is what every choice of groups gives', async () => {
    for (let n = 0; n < trials(25, 500); n++) {
      const one = asker();
      const document = random.pick(world.documents.filter(({ tenant }) => tenant === one.person.tenant));
      const { groups: _groups, ...without } = described(one) as Record<string, unknown>;
      const body = { document: { source: document.source, document: document.document }, ...without };
      const { decision, memberships } = await ask<Explanation>('/v1/explain', one.person.tenant, body);
      expect(memberships.from).toBe('unknown');
      const choices = [
        [],
        ...Array.from({ length: 6 }, () => random.some(['staff', 'hr', 'finance', 'legal', 'guests', 'board', 'ops'], 0, 7)),
      ];
      for (const held of choices) {
        const may = oracle.mayRead({ ...one, person: { ...one.person, groups: held } }, document, Date.now());
        expect(['unknown', may ? 'pass' : 'refuse']).toContain(decision);
      }
    }
  });

  it('list in a blast radius exactly what the oracle lets them read, and what retrieval gives them', async () => {
    let most = 0;
    for (let n = 0; n < trials(12, 300); n++) {
      const one = asker();
      const expected = readable(oracle, one).map(nameOf).sort();
      const found: string[] = [];
      for (let after: string | undefined; ;) {
        const page: BlastRadius = await ask('/v1/policy/blast-radius', one.person.tenant, {
          ...described(one),
          limit: 7,
          ...(after === undefined ? {} : { after }),
        });
        expect(page).toMatchObject({ readable: expected.length, unknown: 0, sight: 'tenant' });
        expect(page.sources.reduce((sum, source) => sum + source.readable, 0)).toBe(expected.length);
        expect(page.labels.reduce((sum, label) => sum + label.readable, 0)).toBe(expected.length);
        found.push(...page.examples.map(nameOf));
        after = page.next;
        if (after === undefined) break;
      }
      expect(found.toSorted()).toEqual(expected);
      most = Math.max(most, found.length);
      const { tenant, sub, employment, groups: held } = one.person;
      const token = await test.token({ tenant, sub, client_id: one.client, groups: [...held], employment, scope: 'retrieve' });
      const answer = await test.call('POST', '/v1/retrieve', token, { query: 'harbour', limit: 100, purpose: one.purpose });
      const { chunks } = answer.json<{ chunks: { provenance: { source: { id: string }; document: { id: string } } }[] }>();
      expect(chunks.map(({ provenance }) => `${provenance.source.id}/${provenance.document.id}`).sort()).toEqual(expected);
    }
    expect(most).toBeGreaterThan(3);
  });

  it('count in a diff exactly the documents that the oracle lets a member read under one policy and not under the other', async () => {
    let changed = 0;
    for (let n = 0; n < trials(3, 60); n++) {
      const other = randomWorld(SEED + 1 + n, FILES).policy;
      const next = await createOracle({ policy: other, source: sourceOf });
      for (const tenant of world.tenants) {
        const policy = policyOf(other)
          .split('\n')
          .filter((line) => line.includes(`, ${tenant}`))
          .join('\n');
        const diff = await ask<PolicyDiff>('/v1/policy/diff', tenant, { policy, client: 'client:test|inside', limit: 500, examples: 20 });
        expect(diff.next).toBeUndefined();
        const sums = new Map<string, Set<string>>();
        const members = ['staff', 'hr', 'finance', 'legal', 'guests', 'board', 'ops'].map((name) => ({
          principal: `group:test|${name}`,
          groups: [name],
          employment: 'employee' as const,
        }));
        for (const { principal, ...rest } of [...members, { principal: 'everyone', groups: [], employment: 'guest' as const }]) {
          const one: Asker = { person: { tenant, sub: 'nobody-in-particular', ...rest }, client: 'inside', purpose: 'answer' };
          const [before, after] = [readable(oracle, one), readable(next, one)];
          const gained = after.filter((document) => !before.includes(document)).map(nameOf);
          const lost = before.filter((document) => !after.includes(document)).map(nameOf);
          const told = diff.changes.find((change) => change.principal === principal);
          expect([told?.gained ?? 0, told?.lost ?? 0, told?.unclear ?? 0], principal).toEqual([gained.length, lost.length, 0]);
          expect((told?.examples.gained ?? []).map(nameOf).sort()).toEqual(gained.toSorted().slice(0, 20));
          for (const name of gained) sums.set(name.split('/')[0] ?? '', (sums.get(name.split('/')[0] ?? '') ?? new Set()).add(name));
          changed += gained.length + lost.length;
        }
        // Others may gain more; nobody's gain is missing from the total of its source.
        for (const [source, names] of sums)
          expect(diff.sources.find((one) => one.source === source)?.gained ?? 0).toBeGreaterThanOrEqual(names.size);
        for (const person of diff.changes.filter(({ kind }) => kind === 'user')) expect(person.memberships).toBe('unknown');
      }
    }
    expect(changed).toBeGreaterThan(20);
  });
});
