import type { DirectorySubjects } from '../../src/core/ports/identity.ts';
import { AUDIENCE, type Answer, type TestService } from './service.ts';
import { startTestIssuer, type TestIssuer } from './test-issuer.ts';

export const USER_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const GROUP_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:Group';
export const PATCH_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const SCIM = { 'content-type': 'application/scim+json' };

/** Everybody may read by policy, so ACLs alone decide; `scim` administers, `loader` writes. */
export function directoryPolicy(...tenants: readonly string[]): string {
  return tenants
    .flatMap((tenant) => [
      `p, everyone, ${tenant}, *, retrieve, upto:restricted, *, *, allow`,
      `p, client:test|assistant, ${tenant}, *, retrieve, upto:restricted, *, *, allow`,
      `p, client:test|scim, ${tenant}, *, administer, *, *, *, allow`,
      `p, client:test|loader, ${tenant}, *, ingest, upto:restricted, as:trusted, *, allow`,
      `p, client:test|loader, ${tenant}, *, label, upto:restricted, *, *, allow`,
    ])
    .join('\n');
}

/** An issuer whose users and groups Sluice holds. */
export function directoryIssuer(tenants: readonly string[], subjects: Partial<DirectorySubjects> = {}, name = 'test'): Promise<TestIssuer> {
  const directory = { kind: 'authoritative', subjects: { user: 'externalId', group: 'externalId', ...subjects } } as const;
  return startTestIssuer({ name, tenants, audience: AUDIENCE, overrides: { directory } });
}

/** A token that a client got for itself. */
export function clientToken(test: TestService, client: string, more: Record<string, unknown> = {}): Promise<string> {
  return test.token({ sub: client, client_id: client, groups: undefined, employment: undefined, ...more });
}

export interface Scim {
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** The id of a person made with this subject. */
  user(subject: string, more?: Record<string, unknown>): Promise<string>;
  group(name: string, members?: readonly string[], more?: Record<string, unknown>): Promise<string>;
  patch(path: string, ...operations: readonly unknown[]): Promise<Answer>;
}

export function scimClient(test: TestService, token: string): Scim {
  const call: Scim['call'] = (method, path, body, headers = {}) =>
    test.call(method, `/scim/v2${path}`, token, body, body === undefined ? headers : { ...SCIM, ...headers });
  const made = (answer: Answer): string => {
    if (answer.status !== 201) throw new Error(`${answer.status} ${answer.text}`);
    return answer.json<{ id: string }>().id;
  };
  return {
    call,
    user: async (subject, more = {}) =>
      made(await call('POST', '/Users', { schemas: [USER_SCHEMA], userName: `${subject}@example.com`, externalId: subject, ...more })),
    group: async (name, members = [], more = {}) =>
      made(
        await call('POST', '/Groups', {
          schemas: [GROUP_SCHEMA],
          displayName: name,
          externalId: name,
          members: members.map((value) => ({ value })),
          ...more,
        }),
      ),
    patch: (path, ...Operations) => call('PATCH', path, { schemas: [PATCH_SCHEMA], Operations }),
  };
}

/** A source of one document a name, each with the ACL given. */
export async function loadDocuments(test: TestService, documents: Readonly<Record<string, unknown>>, tenant = 'acme'): Promise<void> {
  const loader = await clientToken(test, 'loader', { tenant });
  const source = { title: 'Wiki', owner: 'client:test|loader', level: 'internal', compartments: [], trust: 'internal' };
  const put = await test.call('PUT', '/v1/sources/wiki', loader, source);
  if (put.status >= 300) throw new Error(put.text);
  for (const [name, acl] of Object.entries(documents)) {
    const body = { mediaType: 'text/plain', title: name, text: `The harbour is deep, says ${name}.`, acl };
    const stored = await test.call('PUT', `/v1/sources/wiki/documents/${name}`, loader, body);
    if (stored.status >= 300) throw new Error(stored.text);
  }
}

/** Titles of what a question finds, or the code of the refusal. */
export async function found(test: TestService, token: string): Promise<readonly string[] | string> {
  const answer = await test.call('POST', '/v1/retrieve', token, { query: 'harbour', limit: 50 });
  if (answer.status !== 200) return answer.json<{ code: string }>().code;
  const { chunks } = answer.json<{ chunks: readonly { provenance: { document: { id: string } } }[] }>();
  return chunks.map(({ provenance }) => provenance.document.id).sort();
}
