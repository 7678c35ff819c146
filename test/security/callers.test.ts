import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../../src/config.ts';
import { allow } from '../support/rights.ts';
import { startTestService, type TestService } from '../support/service.ts';
import type { TestClaims } from '../support/test-issuer.ts';

/** Who a token is for, where its claims invite a mistake. */
const policy = [
  ...['ingest', 'label'].flatMap((action) => ['user:test|wilma', 'client:test|loader'].map((who) => allow(who, 'acme', action))),
  ...['everyone', 'client:test|loader', 'client:test|assistant', 'group:test|a|b'].map((who) => allow(who, 'acme', 'retrieve')),
].join('\n');
const DOCUMENTS = {
  all: { allow: ['everyone'] },
  group: { allow: ['group:test|a|b'] },
  agentless: { allow: ['everyone'], deny: ['client:test|agent', 'user:test|mallory'] },
};

let test: TestService;

beforeAll(async () => {
  test = await startTestService({ policy, tenants: ['acme', 'empty'] });
  const writer = await test.token({ sub: 'wilma', client_id: 'loader' });
  const source = { title: 'Notes', owner: 'user:test|wilma', level: 'public', trust: 'trusted' };
  expect((await test.call('PUT', '/v1/sources/notes', writer, source)).status).toBe(201);
  for (const [id, acl] of Object.entries(DOCUMENTS)) {
    const body = { mediaType: 'text/plain', text: 'The plover runs.', acl };
    expect((await test.call('PUT', `/v1/sources/notes/documents/${id}`, writer, body)).status).toBe(200);
  }
});
afterAll(() => test.stop());

async function found(claims: TestClaims): Promise<readonly string[] | number> {
  const answer = await test.call('POST', '/v1/retrieve', await test.token(claims), { query: 'plover', limit: 10 });
  if (answer.status !== 200) return answer.status;
  const { chunks } = answer.json<{ chunks: readonly { provenance: { document: { id: string } } }[] }>();
  return chunks.map(({ provenance }) => provenance.document.id).sort();
}

describe('an actor', () => {
  it.each([
    ['nobody', undefined, ['agentless', 'all']],
    ['a person', { sub: 'bob' }, ['agentless', 'all']],
    ['a person who is denied', { sub: 'mallory' }, ['all']],
    ['an application that is denied', { client_id: 'agent' }, ['all']],
    ['a denied application by a bare sub, which says not that it is one', { sub: 'agent' }, ['all']],
    ['a denied person by a bare sub, who could be an application', { sub: 'mallory' }, ['all']],
    ['an application under both claims', { sub: 'agent', client_id: 'agent' }, ['all']],
    ['a denied person through an application: two names, of which one would be overlooked', { sub: 'mallory', client_id: 'other' }, 401],
    ['a person through a denied application', { sub: 'bob', client_id: 'agent' }, 401],
  ])('is %s', async (_name, act, expected) => {
    expect(await found({ sub: 'alice', client_id: 'assistant', ...(act === undefined ? {} : { act }) })).toEqual(expected);
  });
});

describe('everyone', () => {
  it('is no application, not even one that a group claim comes with', async () => {
    expect(await found({ sub: 'loader', client_id: 'loader', groups: ['everyone', 'a|b'] })).toEqual([]);
    expect(await found({ sub: 'alice', client_id: 'loader' })).toEqual(['agentless', 'all']);
  });

  it('of a tenant that was never made is nobody', async () => {
    expect(await found({ sub: 'alice', tenant: 'never' })).toBe(401);
    expect(await found({ sub: 'alice', tenant: 'empty' })).toEqual([]);
  });
});

describe('a group', () => {
  it('with a bar in its name is itself, and none of another issuer', async () => {
    expect(await found({ sub: 'alice', groups: ['a|b'] })).toEqual(['agentless', 'all', 'group']);
    for (const groups of [['a'], ['test|a|b'], ['group:test|a|b'], ['A|b'], ['a|b ']]) {
      expect(await found({ sub: 'alice', groups }), groups.join()).toEqual(['agentless', 'all']);
    }
  });
});

describe('an issuer in the configuration', () => {
  const problems = (name: string): string => {
    const file = `issuers: [{name: ${name}, url: 'https://idp.example', tenant: acme, audiences: [sluice]}]`;
    try {
      loadConfig({ SLUICE_CONFIG: 'a.yaml' }, () => file);
      return 'none';
    } catch (error) {
      if (error instanceof ConfigError) return error.problems.map(({ key }) => key).join();
      throw error;
    }
  };

  it.each(['dev', 'machine'])('is not called %s, as made-up people or whoever works on the machine are', (name) => {
    expect(problems(name)).toBe('SLUICE_CONFIG issuers.0.name');
    expect(problems(`${name}s`)).toBe('none');
  });
});
