import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { judgeAcl } from '../../src/core/acl.ts';
import { aclSubject } from '../../src/core/caller.ts';
import { sha256Hex } from '../../src/core/digest.ts';
import type { Restriction } from '../../src/core/filter.ts';
import type { PrincipalNumber, TenantId, ZoneId } from '../../src/core/ids.ts';
import type { TenantView } from '../../src/core/ports/catalog.ts';
import type { PolicyPort } from '../../src/core/ports/policy.ts';
import type { Principal } from '../../src/core/principal.ts';
import { toQdrantFilter } from '../../src/vectors/filter.ts';
import { figure, trials } from '../support/scale.ts';
import { NOW, testPoint, vectorFixture, type VectorFixture } from '../support/vector-fixture.ts';
import { anyCase, PRINCIPALS, type DecisionCase } from './decisions-case.ts';
import { expectedRights } from './decisions-oracle.ts';
import { callerOf, newPolicy, viewOf, type Tenants } from './decisions-world.ts';

const REGRESSIONS = new URL('regressions/', import.meta.url);
const KEPT = readdirSync(REGRESSIONS).filter((name) => name.startsWith('decisions-') && name.endsWith('.json'));
const ACTIONS = ['retrieve', 'ingest', 'audit', 'replay'] as const;
const { signal } = new AbortController();
const numbers = new Map(PRINCIPALS.map((name, index) => [name as Principal, (index + 1) as PrincipalNumber]));
const numberOf = (name: string): PrincipalNumber => numbers.get(name as Principal) ?? (9_999 as PrincipalNumber);

const seen = { cases: 0, zones: 0, zonesPermitted: 0, chunks: 0, chunksPermitted: 0 };
let fixture: VectorFixture;
let policy: PolicyPort;

beforeAll(async () => {
  fixture = await vectorFixture();
  policy = newPolicy();
});
afterAll(() => fixture.close());

function read(name: string): DecisionCase {
  return JSON.parse(readFileSync(new URL(name, REGRESSIONS), 'utf8')) as DecisionCase;
}

/** One tenant's points of the case, by chunk id, written in one request. */
async function upsert(one: DecisionCase, tenant: TenantId): Promise<ReadonlyMap<string, number>> {
  const points = one.chunks.map((chunk) => {
    const zone = (one.zones[chunk.zone]?.id ?? 0) as ZoneId;
    return testPoint(tenant, { zone, acl: { gates: chunk.gates.map((gate) => gate.map(numberOf)), deny: chunk.deny.map(numberOf) } });
  });
  await fixture.index.upsert(points, signal);
  return new Map(points.map((point, index) => [point.chunk, index]));
}

/** What real Qdrant returns for the filter, of anybody's points. */
async function found(filter: object): Promise<readonly string[]> {
  const { url, apiKey } = fixture.qdrant;
  const key = apiKey === undefined ? {} : { 'api-key': apiKey };
  const body = JSON.stringify({ filter, limit: 1_000, with_payload: false });
  const headers = { 'content-type': 'application/json', ...key };
  const answer = await fetch(`${url}/collections/${fixture.collection}/points/scroll`, { method: 'POST', headers, body });
  if (!answer.ok) throw new Error(await answer.text());
  const { result } = (await answer.json()) as { result: { points: { id: string }[] } };
  return result.points.map((point) => point.id);
}

const indexes = (length: number, holds: (index: number) => boolean): number[] => Array.from({ length }, (_, i) => i).filter(holds);

/** Casbin alone, both keys and the index give the same answer about every zone and chunk, or it throws. */
async function judge(one: DecisionCase): Promise<{ readonly permitted: number; readonly refused: number }> {
  const tag = `case-${(seen.cases += 1)}`;
  const tenants: Tenants = { own: tag as TenantId, other: `${tag}-b` as TenantId };
  const views = { own: viewOf(one, tenants.own, one.lines), other: viewOf(one, tenants.other, one.otherLines) };
  const points = { own: await upsert(one, tenants.own), other: await upsert(one, tenants.other) };
  const expected = await expectedRights(one);
  let [permitted, asked] = [0, 0];
  for (const caller of one.callers) {
    const side = caller.other === true ? 'other' : 'own';
    const [view, who] = [views[side], callerOf(tenants, caller)];
    for (const action of ACTIONS) {
      const decision = policy.decide(view, who, action, one.purpose);
      const admitted: readonly number[] = decision.kind === 'zones' ? decision.zones : [];
      const wanted = indexes(one.zones.length, (zone) => expected.zone(caller, zone, action, one.purpose));
      expect([action, ...admitted]).toEqual([action, ...wanted.map((zone) => one.zones[zone]?.id)]);
      const confirmed = indexes(one.zones.length, (zone) => confirms(view, who, one.zones[zone]?.id, action, one.purpose));
      expect([action, ...confirmed]).toEqual([action, ...wanted]);
      seen.zones += one.zones.length;
      seen.zonesPermitted += wanted.length;
    }
    const readable = indexes(one.chunks.length, (chunk) => expected.chunk(caller, chunk));
    const wanted = readable.filter((chunk) => expected.wanted(chunk));
    const decision = policy.decide(view, who, 'retrieve', one.purpose);
    const authorization = policy.authorize({ view, caller: who, decision, restriction: one.restriction as Restriction, numbers, now: NOW });
    const hits = authorization.kind === 'none' ? [] : await found(toQdrantFilter(authorization.filter));
    expect(new Set(hits.map((id) => points[side].get(id) ?? `a point of others: ${id}`))).toEqual(new Set(wanted));
    expect(hits.length).toBe(wanted.length);
    // The second key with the ACL of the catalog; what a request narrows itself to is not its business.
    const judged = indexes(one.chunks.length, (index) => {
      const chunk = one.chunks[index];
      const acl = { gates: (chunk?.gates ?? []) as Principal[][], deny: (chunk?.deny ?? []) as Principal[] };
      const passes = judgeAcl(acl, aclSubject(who), NOW * 1_000).kind === 'permit';
      return passes && confirms(view, who, one.zones[chunk?.zone ?? -1]?.id, 'retrieve', one.purpose);
    });
    expect(judged).toEqual(readable);
    permitted += wanted.length;
    asked += one.chunks.length;
  }
  seen.chunks += asked;
  seen.chunksPermitted += permitted;
  return { permitted, refused: asked - permitted };
}

function confirms(
  view: TenantView,
  who: ReturnType<typeof callerOf>,
  zone: number | undefined,
  action: (typeof ACTIONS)[number],
  purpose: string,
) {
  return policy.confirm(view, who, (zone ?? -1) as ZoneId, action, purpose).kind === 'permit';
}

describe('Casbin, the compiled decision, the second key and what Qdrant returns', () => {
  it.each(KEPT)('agree on the case that was kept: %s', async (name) => {
    const { permitted, refused } = await judge(read(name));
    expect(Math.min(permitted, refused)).toBeGreaterThan(0);
  });

  it('agree on random tenants, policies, roles, labels, ACLs, switches and callers', async () => {
    const property = fc.asyncProperty(anyCase, async (one) => void (await judge(one)));
    const run = await fc.check(property, { numRuns: trials(150, 6_000), endOnFailure: false });
    if (run.failed) {
      const [shrunk] = run.counterexample ?? [];
      const text = JSON.stringify(shrunk, null, 2);
      const name = `decisions-${sha256Hex(text).slice(0, 12)}.json`;
      writeFileSync(new URL(name, REGRESSIONS), `${text}\n`);
      throw new Error(`a divergence, kept as test/property/regressions/${name}`, { cause: run.errorInstance });
    }
    // Agreement on one answer alone would mean nothing.
    expect(seen.zonesPermitted / seen.zones).toBeGreaterThan(0.05);
    expect(seen.chunksPermitted / seen.chunks).toBeGreaterThan(0.02);
    const share = (part: number, of: number): string => `${((100 * part) / of).toFixed(0)} % permitted`;
    figure(
      'decisions: Casbin, both keys, real Qdrant',
      `${run.numRuns} cases, ${seen.zones} zone decisions (${share(seen.zonesPermitted, seen.zones)}), ` +
        `${seen.chunks} chunks judged against Qdrant (${share(seen.chunksPermitted, seen.chunks)}), 0 divergences`,
    );
  });
});
