import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import type { IdentityPort } from '../../core/ports/identity.ts';
import { authenticate } from './authenticate.ts';
import { DEFAULT_RATE_LIMITS } from './limits.ts';
import { createRateLimiter } from './rate-limits.ts';

test('no door asks a provider about a static key', async () => {
  const asked: string[] = [];
  const identity: IdentityPort = {
    dpop: 'accepted',
    issuers: [],
    notReady: () => [],
    authenticate: (token) => {
      asked.push(token);
      return Promise.reject(new Error('asked'));
    },
  };
  const ask = (authorization: string, ...more: readonly string[]): Promise<unknown> => {
    const req = { headers: { authorization }, rawHeaders: ['Authorization', authorization, ...more], url: '/', method: 'GET' };
    const at = { address: '192.0.2.1', publicUrl: 'https://sluice.example' };
    const limiter = createRateLimiter(DEFAULT_RATE_LIMITS);
    return authenticate(req as unknown as IncomingMessage, at, identity, limiter, AbortSignal.timeout(1_000));
  };
  await expect(ask('Bearer slk_0123456789abcdef_x')).rejects.toMatchObject({ code: 'invalid_token' });
  await expect(ask('DPoP slk_0123456789abcdef_x', 'DPoP', 'a proof')).rejects.toMatchObject({ code: 'invalid_token' });
  expect(asked).toEqual([]);
  await expect(ask('Bearer opaque')).rejects.toThrow('asked');
  expect(asked).toEqual(['opaque']);
});
