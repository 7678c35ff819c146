import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeProof, type ProofKey, proofKey } from '../support/dpop.ts';
import { startReplicas, type Deployment, type Replicas } from '../support/replicas.ts';
import { allow } from '../support/rights.ts';
import { AUDIENCE, startTestService, type TestService } from '../support/service.ts';
import { startTestIssuer } from '../support/test-issuer.ts';

const policy = ['everyone', 'client:test|assistant'].map((who) => allow(who, 'acme', 'retrieve')).join('\n');
/** As callers know the service, whichever replica answers and wherever it listens. */
const PUBLIC = 'https://sluice.example/search';

async function send(at: TestService, token: string, proof: string): Promise<number> {
  const headers = { authorization: `DPoP ${token}`, dpop: proof, 'x-forwarded-host': 'elsewhere.example' };
  return (await at.call('POST', '/v1/retrieve', undefined, { query: 'x' }, headers)).status;
}

const proofFor = (key: ProofKey, token: string, url = `${PUBLIC}/v1/retrieve`) => makeProof(key, { token, method: 'POST', url });

describe.each<Deployment>(['sqlite', 'postgres'])('a proof, on %s', (deployment) => {
  let replicas: Replicas;
  let key: ProofKey;
  beforeAll(async () => {
    replicas = await startReplicas(deployment, policy, { publicUrl: PUBLIC });
    key = await proofKey();
  });
  afterAll(() => replicas.stop());

  it('that one replica took is taken by no other', async () => {
    const token = await replicas.issuer.sign({ cnf: { jkt: key.thumbprint } });
    for (const [first, second] of [
      [replicas.a, replicas.b],
      [replicas.b, replicas.a],
    ] as const) {
      const proof = await proofFor(key, token);
      expect(await send(first, token, proof)).toBe(200);
      expect(await send(second, token, proof)).toBe(401);
      expect(await send(second, token, await proofFor(key, token))).toBe(200);
    }
  });

  it('sent to both at once is taken by one', async () => {
    const token = await replicas.issuer.sign({ cnf: { jkt: key.thumbprint } });
    for (let trial = 0; trial < 5; trial++) {
      const proof = await proofFor(key, token);
      const statuses = await Promise.all([replicas.a, replicas.b, replicas.a, replicas.b].map((at) => send(at, token, proof)));
      expect(statuses.sort((a, b) => a - b)).toEqual([200, 401, 401, 401]);
    }
  });

  it('is for the address that callers know, not for the one it came to', async () => {
    const token = await replicas.issuer.sign({ cnf: { jkt: key.thumbprint } });
    for (const url of [replicas.a.url, 'https://elsewhere.example', 'https://sluice.example', 'http://sluice.example/search']) {
      expect(await send(replicas.a, token, await proofFor(key, token, `${url}/v1/retrieve`))).toBe(401);
    }
    expect(await send(replicas.a, token, await proofFor(key, token))).toBe(200);
  });
});

it('a proof that was used before a restart is refused after it', async () => {
  const issuer = await startTestIssuer({ name: 'test', tenants: ['acme'], audience: AUDIENCE });
  const options = { policy, tenants: ['acme'], issuer, config: { publicUrl: PUBLIC } };
  const key = await proofKey();
  const token = await issuer.sign({ cnf: { jkt: key.thumbprint } });
  const proof = await proofFor(key, token);
  const before = await startTestService(options);
  expect(await send(before, token, proof)).toBe(200);
  await before.stop({ keep: true });
  const after = await startTestService({ ...options, dataDir: before.dataDir });
  try {
    expect(await send(after, token, proof)).toBe(401);
    expect(await send(after, token, await proofFor(key, token))).toBe(200);
  } finally {
    await after.stop();
    await issuer.stop();
  }
});
