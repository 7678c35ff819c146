import type { ChunkId } from '../../core/ids.ts';
import type { JsonObject } from '../../core/json.ts';
import { isReservedPath, parsePath } from '../../core/points/payload-path.ts';
import type { Found, PointsQuestion } from '../../core/points/question.ts';
import type { LosslessObject } from '../../core/points/raw-json.ts';
import type { PointScope } from '../../core/ports/points.ts';
import { earliest } from '../../core/validity.ts';
import { settle, stillSettled, unstable } from '../unsettled.ts';
import { numbersRelease } from './events.ts';
import { checkOwnKeys } from './own-collection.ts';
import type { Asking, PointsParts } from './parts.ts';
import { authorizeAt, grantsEnd, stand, type Standing } from './standing.ts';
import type { Place } from './place.ts';
import type { Compose } from './release.ts';
import { resolveIds } from './resolve.ts';
import type { PointsAnswer } from './types.ts';

export type NumberQuestion<Id> = Extract<PointsQuestion<Id>, { readonly kind: 'count' | 'facet' | 'info' }>;
type Numbers = Extract<Found, { readonly kind: 'count' | 'facet' | 'info' }>;

interface Counted extends Standing {
  readonly found: Numbers;
  readonly until: number | 'forever';
}

const MAX_COUNTS = 12;

/**
 * Numbers over the readable points, as `countChunks`: what is unsettled between catalog and index is left out, and they leave only under
 * an epoch that did not move since. Fails with `aggregate_unstable` where too much is unsettled.
 */
export async function answerNumbers(parts: PointsParts, asking: Asking, compose: Compose): Promise<PointsAnswer> {
  const { telemetry, audit } = parts;
  await asking.declared();
  for (let attempt = 0; attempt < MAX_COUNTS; attempt++) {
    asking.context.signal.throwIfAborted();
    const counted = await telemetry.span('count', {}, () => countOnce(parts, asking));
    if (attempt === 0 && counted !== undefined) parts.shadow?.observe(counted.context.view, counted.context.caller, asking.purpose);
    if (counted === undefined) continue;
    const { found, stamp, context, until } = counted;
    const event = numbersRelease(asking, context, stamp, factsOf(found));
    const outcome = await telemetry.span('release', {}, () => audit.release(event, stamp, until));
    if (outcome.kind === 'released') return { body: compose(found).map(textOnly).join(''), released: 0 };
    telemetry.count('rejudged');
  }
  throw unstable('texts or rights changed while it was counted, every time');
}

function textOnly(piece: ReturnType<Compose>[number]): string {
  return typeof piece === 'string' ? piece : '';
}

/** Values of facets are parts of payloads: the log holds how many there were, and never which. */
function factsOf(found: Numbers): JsonObject {
  if (found.kind === 'count') return { chunks: found.count };
  return found.kind === 'facet' ? { values: found.values.length } : { chunks: found.info.points };
}

/** Undefined where a text came or went meanwhile. */
async function countOnce(parts: PointsParts, asking: Asking): Promise<Counted | undefined> {
  const standing = await stand(parts, asking, asking.context.caller);
  const { context, place, stamp } = standing;
  if (place.place === 'own') checkOwnKeys(asking.question);
  const { question: resolved } = await resolveIds(parts, asking, context, place);
  const question = resolved as NumberQuestion<ChunkId>;
  const { tenant } = context.view;
  const settled = await settle(parts.catalog, tenant, place.place, context.subject);
  // Database time, since there is no hit whose validity could be judged again.
  const authorization = await authorizeAt(parts, standing, Math.floor(settled.at / 1_000), settled.without);
  const scope = authorization.kind === 'none' ? undefined : { place: place.place, filter: authorization.filter, never: settled.never };
  const found = await numbersOf(parts, asking, place, question, scope);
  const shared = { stamp, context, place, found };
  if (scope === undefined) return { ...shared, until: 'forever' };
  const afterwards = await settle(parts.catalog, tenant, place.place, context.subject);
  if (!stillSettled(settled, afterwards)) return undefined;
  return { ...shared, until: earliest([settled.until, afterwards.until, grantsEnd(context, settled)]) };
}

async function numbersOf(
  parts: PointsParts,
  asking: Asking,
  place: Place,
  question: NumberQuestion<ChunkId>,
  scope: PointScope | undefined,
): Promise<Numbers> {
  const { index } = parts;
  const { signal } = asking.context;
  switch (question.kind) {
    case 'count':
      return { kind: 'count', count: scope === undefined ? 0 : await index.count(scope, question.filter, signal) };
    case 'facet':
      return { kind: 'facet', values: scope === undefined ? [] : await index.facet(scope, question, signal) };
    case 'info':
      return infoOf(parts, place, scope, signal);
  }
}

async function infoOf(parts: PointsParts, place: Place, scope: PointScope | undefined, signal: AbortSignal): Promise<Numbers> {
  const { index } = parts;
  const [{ config, indexes }, points] = await Promise.all([
    index.describe(place.place, signal),
    scope === undefined ? 0 : index.count(scope, undefined, signal),
  ]);
  const shown = Object.entries(indexes).filter(([key]) => isShown(place, key));
  const schema = await Promise.all(
    shown.map(async ([key, about]): Promise<readonly [string, LosslessObject]> => {
      const filter = { must_not: [{ kind: 'field' as const, condition: { is_empty: { key } } }] };
      return [key, { ...about, points: scope === undefined ? 0 : await index.count(scope, filter, signal) }];
    }),
  );
  return { kind: 'info', info: { points, config, payloadSchema: Object.fromEntries(schema) } };
}

/** Of the own collection everything beside the metadata is what filters of the house stand on. */
function isShown({ place }: Place, key: string): boolean {
  return place === 'own' ? parsePath(key)?.[0].key === 'metadata' : !isReservedPath(key);
}
