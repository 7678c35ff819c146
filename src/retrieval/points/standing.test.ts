import { describe, expect, it } from 'vitest';
import type { Caller } from '../../core/caller.ts';
import type { Exclusion } from '../../core/filter.ts';
import type { ZoneId } from '../../core/ids.ts';
import type { Decision } from '../../core/ports/policy.ts';
import { usualPurpose } from '../../core/purpose.ts';
import { CALLER } from '../retrieval.fixture.ts';
import { BOOKS, partsOf, worldOf } from './points.fixture.ts';
import { authorizeAt, stand } from './standing.ts';

const NOTHING: Exclusion = { kind: 'none' };

describe('the filter of a caller', () => {
  const world = worldOf();
  const given = partsOf(world);
  let decision: Decision = { kind: 'zones', zones: [1 as ZoneId] };
  const parts = { ...given, policy: { ...given.policy, decide: () => decision } };
  // A caller is known by the object that identity made of the token.
  let caller: Caller = { ...CALLER };
  const filterAt = async (now: number, without: Exclusion = NOTHING): Promise<unknown> => {
    const standing = await stand(parts, { name: BOOKS, purpose: usualPurpose(parts.policy) }, caller);
    const authorization = await authorizeAt(parts, standing, now, without);
    return authorization.kind === 'filter' ? authorization.filter : 'none';
  };

  it('is the same one while nothing changes', async () => {
    expect(await filterAt(100)).toBe(await filterAt(100));
  });

  const changes: Record<string, () => void> = {
    'the generation': () => void (world.stamp = { ...world.stamp, generation: world.stamp.generation + 1 }),
    'the view': () => void (world.view = { ...world.view }),
    'the decision': () => void (decision = { kind: 'zones', zones: [1 as ZoneId] }),
    'the caller': () => void (caller = { ...CALLER }),
  };
  for (const [name, change] of Object.entries(changes)) {
    it(`is another one after ${name} changed`, async () => {
      const before = await filterAt(100);
      change();
      expect(await filterAt(100)).not.toBe(before);
    });
  }

  it('is another one in another second', async () => {
    const before = await filterAt(100);
    expect(await filterAt(101)).not.toBe(before);
    expect(await filterAt(100)).not.toBe(before);
  });

  it('is made for the request where something is left out', async () => {
    const before = await filterAt(100);
    expect(await filterAt(100, { kind: 'documents', documents: [] })).not.toBe(before);
    expect(await filterAt(100)).toBe(before);
  });
});
