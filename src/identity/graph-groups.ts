import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Clock } from '../core/ports/clock.ts';
import type { GroupLookupConfig } from '../core/ports/identity.ts';
import { LookupFailed, type GraphAnswer, type GraphExchange, type GraphRequest } from './graph-exchange.ts';
import { MAX_GROUPS } from './limits.ts';

const MAX_PAGES = 32;
/** A longer wait than this is a refusal: somebody is waiting for an answer. */
const MAX_WAIT_MS = 5_000;
/** A token this close to its end is not used any more. */
const TOKEN_MARGIN_MS = 60_000;
const OBJECT_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const tokenAnswer = z.object({
  access_token: z
    .string()
    .min(1)
    .max(16_384)
    .regex(/^[\x21-\x7e]+$/),
  token_type: z.string().regex(/^bearer$/i),
  expires_in: z.coerce.number().min(0).max(86_400),
});
const groupsAnswer = z.object({ value: z.array(z.string().min(1).max(512)), '@odata.nextLink': z.string().max(8_192).optional() });

/** The ids of all groups that a person is in, nested ones included. Fails with `LookupFailed`. */
export type GraphGroups = (person: string, signal: AbortSignal) => Promise<readonly string[]>;

/**
 * `POST {url}/users/{id}/getMemberGroups` with a token of the application's own. Complete or nothing: whatever is not an answer in
 * its documented shape is a failure. A 429 is waited for once, a refused token is fetched anew once.
 */
export function graphGroups(config: GroupLookupConfig, exchange: GraphExchange, clock: Clock): GraphGroups {
  const tokens = tokenSource(config, exchange, clock);

  async function authorized(what: Omit<GraphRequest, 'headers'>, signal: AbortSignal): Promise<GraphAnswer> {
    const send = async (): Promise<GraphAnswer> => {
      const headers = { authorization: `Bearer ${await tokens.get(signal)}`, 'content-type': 'application/json' };
      return patient(exchange, { ...what, headers }, signal);
    };
    const first = await send();
    if (first.status !== 401) return first;
    tokens.forget();
    return send();
  }

  return async (person, signal) => {
    if (!OBJECT_ID.test(person)) throw new LookupFailed('the id of the person is none of the provider');
    const first = new URL(`${config.url}/users/${person}/getMemberGroups`);
    const body = JSON.stringify({ securityEnabledOnly: config.securityEnabledOnly });
    const groups = new Set<string>();
    let next: Omit<GraphRequest, 'headers'> | undefined = { method: 'POST', url: first, body };
    for (let page = 0; next !== undefined; page++) {
      if (page === MAX_PAGES) throw new LookupFailed('too many pages');
      const read: z.output<typeof groupsAnswer> = readJson(groupsAnswer, await authorized(next, signal));
      for (const group of read.value) groups.add(group);
      if (groups.size > MAX_GROUPS) throw new LookupFailed('more groups than the limit');
      const link: string | undefined = read['@odata.nextLink'];
      next = link === undefined ? undefined : { method: 'GET', url: followed(link, config.url) };
    }
    return [...groups];
  };
}

/** The next page is asked with the same token, so only where the first one was. */
function followed(link: string, base: string): URL {
  const url = URL.parse(link);
  const from = new URL(base);
  const inside = url !== null && url.origin === from.origin && url.pathname.startsWith(`${from.pathname.replace(/\/+$/, '')}/`);
  if (!inside || url.username !== '' || url.password !== '') throw new LookupFailed('the next page is somewhere else');
  return url;
}

async function patient(exchange: GraphExchange, what: GraphRequest, signal: AbortSignal): Promise<GraphAnswer> {
  const first = await exchange(what, signal);
  if (first.status !== 429) return first;
  const wait = first.retryAfter;
  if (wait === undefined || wait > MAX_WAIT_MS) throw new LookupFailed('asked to wait for too long');
  try {
    await sleep(wait, undefined, { signal });
  } catch {
    throw new LookupFailed('given up while waiting');
  }
  return exchange(what, signal);
}

function readJson<S extends z.ZodType>(schema: S, { status, contentType, body }: GraphAnswer): z.output<S> {
  if (status !== 200) throw new LookupFailed(`answered with ${status}`);
  if (contentType.split(';')[0]?.trim().toLowerCase() !== 'application/json') throw new LookupFailed('the answer is not JSON');
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new LookupFailed('the answer is not JSON');
  }
  const read = schema.safeParse(value);
  if (!read.success) throw new LookupFailed('the answer is not in its documented shape');
  return read.data;
}

interface TokenSource {
  get(signal: AbortSignal): Promise<string>;
  forget(): void;
}

/** Client credentials (RFC 6749 §4.4), the secret in the body as Entra documents it. */
function tokenSource(config: GroupLookupConfig, exchange: GraphExchange, clock: Clock): TokenSource {
  let known: { readonly token: string; readonly until: number } | undefined;
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: config.clientId,
    client_secret: config.clientSecret,
    scope: config.scope,
  });
  return {
    async get(signal) {
      if (known !== undefined && clock.now() < known.until) return known.token;
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const answer = await patient(exchange, { method: 'POST', url: new URL(config.tokenUrl), headers, body: form.toString() }, signal);
      const { access_token: token, expires_in: seconds } = readJson(tokenAnswer, answer);
      known = { token, until: clock.now() + seconds * 1_000 - TOKEN_MARGIN_MS };
      return token;
    },
    forget: () => void (known = undefined),
  };
}
