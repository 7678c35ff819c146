import type { Caller } from '../core/caller.ts';
import { AppError } from '../core/errors.ts';
import type { DecidedUnder } from '../core/ports/switches.ts';
import type { Presence } from '../core/presence.ts';
import type { Principal } from '../core/principal.ts';

const ATTEMPTS = 3;

/** A person, by their own hand: an application alone is nobody, and one that acts for somebody may act for both of two. */
export function byOwnHand({ user, actor }: Caller): boolean {
  return user.kind === 'user' && actor.kind === 'none';
}

/** What the right was decided from, compared again in the transaction of the change. */
export function decidedUnder({ view, caller }: Presence): DecidedUnder {
  const user: readonly Principal[] = caller.user.kind === 'user' ? [caller.user.principal] : [];
  const actor = caller.actor.kind === 'actor' ? caller.actor.principals : [];
  return { policy: view.policy.id, parties: [...user, caller.client, ...actor] };
}

/** Runs it again where what it was decided on has moved meanwhile; the last `conflict` is told. */
export async function again<T>(run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run();
    } catch (error) {
      if (attempt === ATTEMPTS || !(error instanceof AppError) || error.code !== 'conflict') throw error;
    }
  }
}
