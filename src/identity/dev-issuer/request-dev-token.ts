import { request } from 'undici';
import { z } from 'zod';
import type { Scope } from '../../core/caller.ts';
import { AppError } from '../../core/errors.ts';
import { isLoopbackHttp } from '../provider-url.ts';
import { DEV_GRANT } from './dev-grant.ts';

export interface DevTokenRequest {
  readonly issuerUrl: string;
  /** Left out for a token of the client alone. */
  readonly person?: string;
  readonly client: string;
  /** All the client has where left out. */
  readonly scopes?: readonly Scope[];
  readonly signal: AbortSignal;
}

const answer = z.object({ access_token: z.string().min(1) });

/**
 * Asks a development issuer for an access token, over HTTP on loopback. Fails with `invalid_request` where the address is
 * not on loopback or the person, client or scope is unknown there, with `issuer_unavailable` where nothing usable answers.
 */
export async function requestDevToken({ issuerUrl, person, client, scopes, signal }: DevTokenRequest): Promise<string> {
  const issuer = URL.parse(issuerUrl);
  if (issuer === null || !isLoopbackHttp(issuer)) throw refused('', 'a development issuer is on loopback, over http');
  const form = new URLSearchParams({ grant_type: DEV_GRANT, client_id: client });
  if (person !== undefined) form.set('as', person);
  if (scopes !== undefined) form.set('scope', scopes.join(' '));
  const { status, body } = await post(new URL('/token', issuer), form, signal);
  if (status >= 400 && status < 500) throw refused('/as', 'the development issuer knows no such person, client or scope');
  const parsed = answer.safeParse(body);
  if (status !== 200 || !parsed.success) throw new AppError('issuer_unavailable', { detail: 'dev: an answer without a token' });
  return parsed.data.access_token;
}

async function post(url: URL, form: URLSearchParams, signal: AbortSignal): Promise<{ status: number; body: unknown }> {
  try {
    const response = await request(url, {
      method: 'POST',
      signal: AbortSignal.any([signal, AbortSignal.timeout(5_000)]),
      headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
      body: form.toString(),
    });
    const text = await response.body.text();
    return { status: response.statusCode, body: JSON.parse(text) as unknown };
  } catch (error) {
    // A parser's message would quote the answer, and with it a token.
    throw new AppError('issuer_unavailable', {
      detail: 'dev: no usable answer',
      ...(error instanceof SyntaxError ? {} : { cause: error }),
    });
  }
}

function refused(pointer: string, message: string): AppError {
  return new AppError('invalid_request', { detail: `dev: ${message}`, issues: [{ pointer, message }] });
}
