import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { GroupLookupConfig } from '../../src/core/ports/identity.ts';

export interface GraphCall {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

export type GraphHandler = (call: GraphCall, response: ServerResponse) => void;

export interface GraphServer {
  readonly config: GroupLookupConfig;
  readonly calls: GraphCall[];
  readonly url: string;
  /** Groups of each person, by object id. */
  readonly groups: Map<string, readonly string[]>;
  /** Ids an answer holds at most; more go behind an @odata.nextLink. */
  pageSize: number;
  /** Answers the next request to the path in another way; as often as `times`. */
  next(kind: 'token' | 'groups', handler: GraphHandler, times?: number): void;
  /** Tokens given so far are refused from now on. */
  revokeTokens(): void;
  close(): Promise<void>;
}

export const GRAPH_SECRET = 'graph-secret-never-shown';

export function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers }).end(JSON.stringify(body));
}

/** Speaks as Microsoft Graph and Entra's token endpoint document it: client credentials and getMemberGroups. */
export async function startGraph(): Promise<GraphServer> {
  const calls: GraphCall[] = [];
  const groups = new Map<string, readonly string[]>();
  const special: Record<'token' | 'groups', GraphHandler[]> = { token: [], groups: [] };
  let valid = 0;
  const self: { pageSize: number } = { pageSize: 1_000 };
  const server = createServer((request, response) => void serve(request, response));

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
    const body = Buffer.concat(parts).toString('utf8');
    const call = { method: request.method ?? '', path: request.url ?? '', authorization: request.headers.authorization, body };
    calls.push(call);
    const kind = call.path === '/tenant/oauth2/v2.0/token' ? 'token' : 'groups';
    const handler = special[kind].shift() ?? (kind === 'token' ? answerToken : answerGroups);
    handler(call, response);
  }

  function answerToken({ method, body }: GraphCall, response: ServerResponse): void {
    const form = new URLSearchParams(body);
    const right =
      method === 'POST' &&
      form.get('grant_type') === 'client_credentials' &&
      form.get('client_id') === 'sluice-app' &&
      form.get('client_secret') === GRAPH_SECRET &&
      form.get('scope') === 'https://graph.example/.default';
    if (!right) return json(response, 401, { error: 'invalid_client', error_description: 'AADSTS7000215' });
    return json(response, 200, { token_type: 'Bearer', expires_in: 3_599, ext_expires_in: 3_599, access_token: `app-token-${valid}` });
  }

  function answerGroups({ method, path, authorization, body }: GraphCall, response: ServerResponse): void {
    if (authorization !== `Bearer app-token-${valid}`) {
      return json(response, 401, { error: { code: 'InvalidAuthenticationToken', message: 'Access token has expired.' } });
    }
    const [, person = ''] = /^\/v1\.0\/users\/([0-9a-f-]+)\/getMemberGroups/.exec(path) ?? [];
    const all = groups.get(person);
    if (all === undefined) return json(response, 404, { error: { code: 'Request_ResourceNotFound', message: 'does not exist' } });
    const skip = Number(new URLSearchParams(path.split('?')[1]).get('$skiptoken') ?? 0);
    const asked = method === 'POST' ? (JSON.parse(body) as { securityEnabledOnly: boolean }).securityEnabledOnly : true;
    if (!asked) return json(response, 400, { error: { code: 'Request_BadRequest', message: 'security groups only' } });
    const end = skip + self.pageSize;
    const more = end < all.length ? { '@odata.nextLink': `${url}/v1.0/users/${person}/getMemberGroups?$skiptoken=${end}` } : {};
    return json(response, 200, {
      '@odata.context': 'https://graph.microsoft.com/v1.0/$metadata#Collection(Edm.String)',
      ...more,
      value: all.slice(skip, end),
    });
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    calls,
    groups,
    get pageSize() {
      return self.pageSize;
    },
    set pageSize(size) {
      self.pageSize = size;
    },
    config: {
      kind: 'graph',
      url: `${url}/v1.0`,
      tokenUrl: `${url}/tenant/oauth2/v2.0/token`,
      scope: 'https://graph.example/.default',
      clientId: 'sluice-app',
      clientSecret: GRAPH_SECRET,
      claim: 'oid',
      securityEnabledOnly: true,
      cacheSeconds: 120,
    },
    next: (kind, handler, times = 1) => void special[kind].push(...Array.from({ length: times }, () => handler)),
    revokeTokens: () => void (valid += 1),
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
