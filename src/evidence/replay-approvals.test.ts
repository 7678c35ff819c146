import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { ReplayWish } from '../core/ports/erasure.ts';
import type { Principal } from '../core/principal.ts';
import type { RequestContext } from '../core/request-context.ts';
import { CALLER, fakeCatalog, fakePolicy } from '../retrieval/retrieval.fixture.ts';
import { sealedPlaces } from './cursor.ts';
import { openWishes, type ApprovalParts } from './replay-approvals.ts';

const never = () => Promise.reject(new Error('not a part of listing'));
const wishes = Array.from({ length: 1_001 }, (_, at): ReplayWish => {
  const request = `00000000-0000-4000-8000-${String(at).padStart(12, '0')}`;
  return { request, reader: `user:idp|${'x'.repeat(at % 50)}secret` as Principal, reason: 'r', askedAt: at, approval: { kind: 'open' } };
});

/** Nothing of what is wished is the caller's to replay. */
const parts: ApprovalParts = {
  catalog: {
    ...fakeCatalog({ candidates: () => [] }),
    documentAt: never,
    replayWish: never,
    wishReplay: never,
    approveReplay: never,
    openReplayWishes: async (_tenant, after, limit) => {
      const from = after === undefined ? 0 : wishes.findIndex(({ request }) => request === after.request) + 1;
      return wishes.slice(from, from + limit);
    },
  },
  policy: fakePolicy(),
  audit: { append: never, release: never, byRequest: async () => [], between: never },
  issuers: ['idp'],
  places: sealedPlaces(async () => 'a secret of the deployment', randomBytes),
};
const context = (): RequestContext => ({
  caller: CALLER,
  requestId: 'r',
  signal: new AbortController().signal,
});

describe('a list of wishes', () => {
  it('does not name, in its cursor either, what the caller may not know of', async () => {
    const first = await openWishes(parts, context(), undefined, 10);
    expect(first.wishes).toEqual([]);
    const cursor = first.next ?? '';
    const inside = Buffer.from(cursor, 'base64url').toString('latin1');
    expect(inside).not.toContain('secret');
    expect(inside).not.toContain('00000000-0000');
    expect(await openWishes(parts, context(), cursor, 10)).toEqual({ wishes: [] });
    for (const other of [cursor.slice(0, -2), 'bm90aGluZw', Buffer.from('["a","b"]').toString('base64url')]) {
      await expect(openWishes(parts, context(), other, 10)).rejects.toMatchObject({ code: 'invalid_request' });
    }
  });
});
