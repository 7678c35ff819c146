import { aclSubject, actorPrincipals, userPrincipals, type Caller } from '../../core/caller.ts';
import { AppError } from '../../core/errors.ts';
import type { Authorization, Exclusion } from '../../core/filter.ts';
import { grantsFor } from '../../core/grants.ts';
import type { EpochStamp } from '../../core/ports/catalog.ts';
import { presence, type Presence } from '../../core/presence.ts';
import { earliest } from '../../core/validity.ts';
import type { JudgingContext } from '../judge.ts';
import type { Settled } from '../unsettled.ts';
import type { Asking, PointsParts } from './parts.ts';
import { placeOf, type Place } from './place.ts';

/** What was decided for one reading of the epoch. */
export interface Standing {
  readonly stamp: EpochStamp;
  readonly context: JudgingContext;
  readonly place: Place;
}

export type StandingParts = Pick<PointsParts, 'catalog' | 'policy' | 'own'>;

/** Reads the epoch, unless it was read for this request just now, then decides: who may read what, and whether the collection can still be seen. */
export async function stand(
  parts: StandingParts,
  asking: Pick<Asking, 'name' | 'purpose'>,
  caller: Caller,
  known?: Presence,
): Promise<Standing & Deciding> {
  const here = known ?? (await presence(parts.catalog, caller));
  const place = placeOf(parts, here, asking.purpose, asking.name);
  if (place === undefined) throw new AppError('not_found');
  const { purpose } = asking;
  const decision = parts.policy.decide(here.view, here.caller, 'retrieve', purpose);
  const context: JudgingContext = {
    view: here.view,
    caller: here.caller,
    subject: aclSubject(here.caller),
    purpose,
    restriction: {},
    zones: new Set(decision.kind === 'zones' ? decision.zones : []),
    ...(place.place === 'own' ? {} : { collection: place.place }),
  };
  return { stamp: here.stamp, context, place, decision };
}

export interface Deciding {
  readonly decision: ReturnType<PointsParts['policy']['decide']>;
}

/** The last authorization of a caller with nothing left out, and all that it depends on. */
interface Authorized extends Pick<Deciding, 'decision'> {
  readonly view: JudgingContext['view'];
  readonly generation: number;
  readonly now: number;
  readonly authorization: Authorization;
}

/** Whoever asks often carries one filter for a second, so that it is made and rendered once. */
const authorized = new WeakMap<Caller, Authorized>();

/** The filter of key one at `now` (seconds), without what is left out. `none` where there is nothing to read. */
export async function authorizeAt(
  parts: StandingParts,
  { stamp, context, decision }: Standing & Deciding,
  now: number,
  without: Exclusion,
): Promise<Authorization> {
  if (decision.kind === 'none') return { kind: 'none' };
  const { view, caller } = context;
  const { generation } = stamp;
  const known = without.kind === 'none' ? authorized.get(caller) : undefined;
  const still = known?.now === now && known.decision === decision && known.view === view && known.generation === generation;
  if (still) return known.authorization;
  const principals = [...userPrincipals(caller), caller.client, ...actorPrincipals(caller)];
  const numbers = await parts.catalog.numbers(caller.tenant, principals, stamp);
  const authorization = parts.policy.authorize({ view, caller, decision, restriction: {}, numbers, now, without });
  if (without.kind === 'none') authorized.set(caller, { decision, view, generation, now, authorization });
  return authorization;
}

/** Until when what grants opened stays open, for what has no judgements that say so. */
export function grantsEnd({ view, caller }: JudgingContext, settled: Settled): number | 'forever' {
  return earliest(grantsFor(view.grants, caller, settled.at).map(({ validUntil }) => validUntil));
}
