import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { TenantId } from '../core/ids.ts';
import { createCursors } from './cursor.ts';

const scope = { tenant: 'acme' as TenantId, route: 'events', question: '[1]' };
const cursors = createCursors(() => Promise.resolve('s3cret'), randomBytes);

describe('cursors', () => {
  it('are opened as they were sealed, on every replica that knows the secret', async () => {
    const place = { after: 41, before: 2 ** 40 };
    const text = await cursors.seal(scope, place);
    expect(await createCursors(() => Promise.resolve('s3cret'), randomBytes).open(scope, text)).toEqual(place);
    // They tell nothing, not even that two are the same.
    expect(await cursors.seal(scope, place)).not.toBe(text);
  });

  it('are good for nothing else', async () => {
    const text = await cursors.seal(scope, { after: 1, before: 2 });
    const refused = { code: 'invalid_request', issues: [{ pointer: 'query/cursor' }] };
    for (const other of [
      { ...scope, tenant: 'other' as TenantId },
      { ...scope, route: 'summary' },
      { ...scope, question: '[2]' },
    ]) {
      await expect(cursors.open(other, text)).rejects.toMatchObject(refused);
    }
    await expect(createCursors(() => Promise.resolve('another'), randomBytes).open(scope, text)).rejects.toMatchObject(refused);
    for (let at = 0; at < text.length; at += 1) {
      const flipped = `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;
      if (Buffer.from(flipped, 'base64url').equals(Buffer.from(text, 'base64url'))) continue;
      await expect(cursors.open(scope, flipped)).rejects.toMatchObject(refused);
    }
    for (const nonsense of ['', 'x', text.slice(1), `${text}AAAA`])
      await expect(cursors.open(scope, nonsense)).rejects.toMatchObject(refused);
  });
});
