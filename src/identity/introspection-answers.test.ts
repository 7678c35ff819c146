import { describe, expect, it } from 'vitest';
import { AT, claimsOf, ISSUER, issuerOf, laterReasonOf } from '../../test/support/identity-parts.ts';
import type { IntrospectionConfig, IssuerConfig } from '../core/ports/identity.ts';
import { silentTelemetry, type Telemetry } from '../core/ports/telemetry.ts';
import { createIntrospector, isOpaque } from './introspection.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import type { Fetched, ProviderFetch } from './provider-fetch.ts';

type Answer = Partial<Fetched> | Error;
const ENDPOINT = `${ISSUER}/introspect`;
const UNAVAILABLE = 'issuer_unavailable: test: it could not be asked about a token';
const said = (changes: Readonly<Record<string, unknown>> = {}): string =>
  JSON.stringify(Object.fromEntries(claimsOf({ active: true, token_type: 'Bearer', ...changes })));

interface Asked {
  readonly url: string;
  readonly form: Readonly<Record<string, string>>;
  readonly authorization: string;
}

/** An introspector whose provider answers `answer.now`, and its metadata always. */
function worldOf(overrides: Partial<IssuerConfig> = {}, rules: Partial<IntrospectionConfig> = {}, breakerFailures = 1_000) {
  let now = AT * 1_000;
  const asked: Asked[] = [];
  const events: string[] = [];
  const answer: { now: Answer } = { now: { body: said() } };
  let metadataReads = 0;
  const fetcher: ProviderFetch = {
    get: async () => {
      metadataReads += 1;
      const body = JSON.stringify({ issuer: ISSUER, introspection_endpoint: `${ISSUER}/found` });
      return { status: 200, contentType: 'application/json', body };
    },
    post: async (url, form, authorization, given) => {
      asked.push({ url: url.href, form: Object.fromEntries(form), authorization });
      given.throwIfAborted();
      if (answer.now instanceof Error) throw answer.now;
      return { status: 200, contentType: 'application/json', body: '', ...answer.now };
    },
    close: () => Promise.resolve(),
  };
  const telemetry: Telemetry = {
    ...silentTelemetry,
    log: { ...silentTelemetry.log, warn: (fields, message) => void events.push(`${message} ${JSON.stringify(fields)}`) },
    count: (counter, labels) => void events.push(`${counter} ${JSON.stringify(labels)}`),
    span: (name, attributes, run) => (events.push(`${name} ${JSON.stringify(attributes)}`), run()),
  };
  const closing = new AbortController();
  const parts = { fetcher, limits: { ...DEFAULT_LIMITS, breakerFailures }, clock: { now: () => now }, telemetry, closing: closing.signal };
  const given = { url: ENDPOINT, clientId: 'sluice', clientSecret: 'secret', cacheSeconds: 7, ...rules };
  const introspector = createIntrospector(issuerOf(overrides), given, parts);
  return {
    introspector,
    asked,
    events,
    answer,
    closing,
    pass: (milliseconds: number) => void (now += milliseconds),
    metadataReads: () => metadataReads,
    ask: (signal = new AbortController().signal) => laterReasonOf(introspector.ask('opaque', signal)),
  };
}

async function outcome(next: Answer): Promise<string> {
  const w = worldOf();
  w.answer.now = next;
  return w.ask();
}

describe('a token that only its issuer can read', () => {
  it('is what has too few parts for a JWT', () => {
    expect(['', 'a', 'a.b', 'a.b.c', 'a.b.c.d.e', '..', '.'].map(isOpaque)).toEqual([true, true, true, false, false, false, true]);
  });

  it('is asked about with the client and its secret, form-encoded first', async () => {
    const w = worldOf({}, { clientId: 'a:b', clientSecret: 'c d%é' });
    expect(w.introspector.cacheMs).toBe(7_000);
    expect(w.introspector.config).toEqual(issuerOf());
    expect(await w.ask()).toBe('ok');
    expect(w.asked).toEqual([
      {
        url: ENDPOINT,
        form: { token: 'opaque', token_type_hint: 'access_token' },
        authorization: `Basic ${Buffer.from('a%3Ab:c+d%25%C3%A9').toString('base64')}`,
      },
    ]);
    expect(w.events).toEqual(['identity.introspect {"issuer":"test"}']);
  });

  it('is what the issuer says of it', async () => {
    const w = worldOf();
    expect(await w.introspector.ask('opaque', w.closing.signal)).toMatchObject({
      subject: 'alice',
      client: 'assistant',
      expiresAt: AT + 600,
    });
    w.answer.now = { body: said({ cnf: { jkt: 'k'.repeat(43) }, token_type: 'DPoP' }) };
    expect((await w.introspector.ask('opaque', w.closing.signal)).confirmation).toEqual({ kind: 'key', thumbprint: 'k'.repeat(43) });
  });

  it.each([true, 'true', 1, 'Bearer', null, undefined, false])('is none unless it is active: %j', async (active) => {
    expect(await outcome({ body: said({ active }) })).toBe(active === true ? 'ok' : 'invalid_token: not active');
  });

  it('is of the kind that its confirmation asks for', async () => {
    const KIND = 'invalid_token: a token of another kind';
    const cnf = { jkt: 'k'.repeat(43) };
    for (const token_type of ['Bearer', 'bearer', 'BEARER']) expect(await outcome({ body: said({ token_type }) })).toBe('ok');
    for (const token_type of ['DPoP', 'refresh_token', '', null, undefined, 7, ['Bearer']]) {
      expect(await outcome({ body: said({ token_type }) })).toBe(KIND);
    }
    expect(await outcome({ body: said({ cnf, token_type: 'dpop' }) })).toBe('ok');
    expect(await outcome({ body: said({ cnf }) })).toBe(KIND);
  });

  it('needs no id, and everything else that the issuer was configured to demand', async () => {
    expect(await outcome({ body: said({ jti: undefined }) })).toBe('ok');
    const w = worldOf({ requiredClaims: ['jti', 'acr'] });
    expect(await w.ask()).toBe('invalid_token: a required claim is empty');
    w.answer.now = { body: said({ acr: '1', jti: undefined }) };
    expect(await w.ask()).toBe('ok');
    expect(await outcome({ body: said({ iss: 'https://else.test' }) })).toBe('invalid_token: another issuer');
    expect(await outcome({ body: said({ exp: AT - 5 }) })).toBe('invalid_token: expired');
  });

  it('is no ID token, though the answer has no type', async () => {
    expect(await outcome({ body: said({ aud: 'sluice', client_id: 'sluice' }) })).toBe('invalid_token: an ID token');
  });
});

describe('no answer', () => {
  it.each<[string, Answer, string]>([
    ['a failure', Object.assign(new Error('secret inside'), { code: 'ECONNREFUSED' }), 'no answer (ECONNREFUSED)'],
    ['a failure without a code', new Error('secret inside'), 'no answer (no code)'],
    ['another status', { status: 500, body: said() }, 'answered with 500'],
    ['a redirect', { status: 302, body: said() }, 'answered with 302'],
    ['another type', { contentType: 'text/html', body: said() }, 'the answer is not JSON'],
    ['no type', { contentType: '', body: said() }, 'the answer is not JSON'],
    ['a JWT', { contentType: 'application/token-introspection+jwt', body: 'x' }, 'the answer is not JSON'],
    ['no JSON', { body: '{' }, 'the answer is not one JSON object'],
    ['a list', { body: '[]' }, 'the answer is not one JSON object'],
    ['a name twice', { body: '{"active":false,"active":true}' }, 'the answer is not one JSON object'],
  ])('is %s: the token is neither good nor bad', async (_name, next, why) => {
    const w = worldOf();
    w.answer.now = next;
    expect(await w.ask()).toBe(UNAVAILABLE);
    expect(w.events.slice(1)).toEqual([
      'outbound_failures {"part":"issuer"}',
      `the provider could not be asked about a token {"issuer":"test","reason":"${why}"}`,
    ]);
  });

  it.each(['application/json; charset=utf-8', 'APPLICATION/JSON ;x'])('is not JSON with a parameter: %s', async (contentType) => {
    expect(await outcome({ contentType, body: said() })).toBe('ok');
  });

  const GONE = 'issuer_unavailable: test: the request ended while it was asked about a token';
  it('comes to a caller who has gone, or when the service stops, and says nothing of the provider', async () => {
    const w = worldOf({}, {}, 1);
    expect([await w.ask(AbortSignal.abort()), await w.ask(AbortSignal.abort()), await w.ask()]).toEqual([GONE, GONE, 'ok']);
    w.closing.abort();
    expect(await w.ask()).toBe(GONE);
    expect(w.events.filter((event) => !event.startsWith('identity.introspect'))).toEqual([]);
  });

  it('so many times in a row ends the asking, and what is no failure does not', async () => {
    const w = worldOf({}, {}, 2);
    w.answer.now = { body: said({ active: false }) };
    for (let n = 0; n < 3; n++) await w.ask();
    w.answer.now = new Error();
    for (let n = 0; n < 4; n++) expect(await w.ask()).toBe(UNAVAILABLE);
    expect(w.asked).toHaveLength(5);
  });
});

describe('the endpoint', () => {
  it('is that of the metadata where none is configured, read again when that is old', async () => {
    const config = issuerOf();
    expect(config.introspection).toBeUndefined();
    const w = worldOf({}, { url: undefined } as unknown as Partial<IntrospectionConfig>);
    await w.ask();
    w.pass(3_599_999);
    w.answer.now = { body: said({ iat: AT + 3_000, exp: AT + 9_000 }) };
    expect([await w.ask(), w.asked.at(-1)?.url, w.metadataReads()]).toEqual(['ok', `${ISSUER}/found`, 1]);
    w.pass(1);
    await w.ask();
    expect(w.metadataReads()).toBe(2);
    w.pass(-3_600_000);
    await w.ask();
    expect(w.metadataReads()).toBe(3);
  });
});
