import { describe, expect, it } from 'vitest';
import { AppError } from '../core/errors.ts';
import type { DocumentKey, TenantId } from '../core/ids.ts';
import type { AccessPayload } from '../core/ports/vectors.ts';
import { fakeSync } from './sync.fixture.ts';
import { syncAccess } from './sync-access.ts';

const ACME = 'acme' as TenantId;
const KEY = 'k' as DocumentKey;
const ACCESS = { tenant: ACME, document: KEY, revision: 7 } as AccessPayload;
const signal = new AbortController().signal;

describe('syncAccess', () => {
  it('writes the payload of the catalog to the index, and only then says that it is there', async () => {
    const sync = fakeSync({ access: [ACCESS] });
    expect(await syncAccess(sync.parts, ACME, KEY, signal)).toBe(true);
    expect(sync.log).toEqual(['access k', 'rewrite k@7', 'indexed k@7']);
  });

  it('has nothing to do for a document that is gone', async () => {
    const sync = fakeSync({});
    expect(await syncAccess(sync.parts, ACME, KEY, signal)).toBe(true);
    expect(sync.log).toEqual(['access k']);
  });

  it('leaves the document pending where the index does not answer', async () => {
    const sync = fakeSync({ access: [ACCESS], rewrite: () => Promise.reject(new AppError('index_unavailable')) });
    expect(await syncAccess(sync.parts, ACME, KEY, signal)).toBe(false);
    expect(sync.log).toEqual(['access k', 'rewrite k@7']);
  });
});
