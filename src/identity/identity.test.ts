import { afterEach, describe, expect, it } from 'vitest';
import { silentTelemetry } from '../core/ports/telemetry.ts';
import { startTestIssuer, type TestIssuer, type TestIssuerOptions } from '../../test/support/test-issuer.ts';
import { createIdentity, type Identity } from './identity.ts';

const signal = new AbortController().signal;
const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((part) => part.close()));
});

async function begin(options: TestIssuerOptions = {}): Promise<{ issuer: TestIssuer; identity: Identity }> {
  const issuer = await startTestIssuer(options);
  const identity = createIdentity({ issuers: [issuer.config], clock: { now: options.now ?? Date.now }, telemetry: silentTelemetry });
  open.push({ close: () => issuer.stop() }, identity);
  await identity.start(signal);
  return { issuer, identity };
}

describe('a good token', () => {
  it('becomes a caller', async () => {
    const { issuer, identity } = await begin();
    const caller = await identity.authenticate(await issuer.sign({ groups: ['hr', 'staff'] }), signal);
    expect(caller).toMatchObject({
      tenant: 'acme',
      issuer: 'test',
      user: { kind: 'user', principal: 'user:test|alice', groups: ['group:test|hr', 'group:test|staff'], guest: false },
      client: 'client:test|assistant',
      actor: { kind: 'none' },
      actorChain: [],
    });
    expect([...caller.scopes]).toEqual(['retrieve', 'ingest', 'sources', 'audit', 'admin']);
    expect(identity.notReady()).toEqual([]);
  });
});
