import { describe, expect, it } from 'vitest';
import { callerOf } from '../../test/support/watched-world.ts';
import type { Caller } from '../core/caller.ts';
import type { TenantId, ZoneId } from '../core/ids.ts';
import type { TenantView } from '../core/ports/catalog.ts';
import { silentTelemetry } from '../core/ports/telemetry.ts';
import type { DocumentCount } from '../core/ports/watching.ts';
import { EVERYONE, type Principal } from '../core/principal.ts';
import { createEntitlements } from './watch-entitlement.ts';
import { createSubjects } from './watch-subjects.ts';

const ACME = 'acme' as TenantId;
const VIEW = { tenant: ACME, generation: 1 } as TenantView;
const row = (zone: number, gate: string, documents: number, deny: readonly string[] = []): DocumentCount => ({
  zone: zone as ZoneId,
  acl: { gates: [[gate as Principal]], deny: deny as readonly Principal[] },
  documents,
});

async function entitlement(rows: readonly DocumentCount[], caller: Caller, kind: 'user' | 'client' = 'user'): Promise<number | undefined> {
  const entitlements = createEntitlements({
    catalog: { documentCounts: async () => rows },
    policy: { purposes: ['default'], decide: () => ({ kind: 'zones', zones: [1 as ZoneId, 2 as ZoneId] }) },
    clock: { now: () => 1_000_000 },
    telemetry: silentTelemetry,
  });
  const name = kind === 'user' && caller.user.kind === 'user' ? caller.user.principal : caller.client;
  const subject = createSubjects().touch(ACME, kind, name);
  entitlements.renew(subject, VIEW, caller);
  await entitlements.settled();
  entitlements.renew(subject, VIEW, caller);
  await entitlements.settled();
  return subject.entitlement?.documents;
}

describe('an entitlement', () => {
  const rows = [row(1, 'group:test|staff', 9_500), row(1, 'user:test|ann', 500), row(2, EVERYONE, 7), row(3, EVERYONE, 1_000)];

  it('is what policy and ACLs let a person read, not what lies in their zones', async () => {
    expect(await entitlement(rows, callerOf('ann'))).toBe(507);
    expect(await entitlement(rows, callerOf('ben'))).toBe(7);
    expect(await entitlement([...rows, row(2, EVERYONE, 30, ['user:test|ann'])], callerOf('ann'))).toBe(507);
  });

  it('of a client is what lies in its zones, since people come through it', async () => {
    expect(await entitlement(rows, callerOf('ann'), 'client')).toBe(10_007);
  });

  it('is the same where there are more kinds of ACL than are judged at once', async () => {
    const many = Array.from({ length: 1_700 }, (_, n) => row(1, `user:test|${n % 2 === 0 ? 'ann' : `other-${n}`}`, 3));
    expect(await entitlement(many, callerOf('ann'))).toBe(850 * 3);
  });
});
