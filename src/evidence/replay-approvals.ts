import { actingPrincipal } from '../core/caller.ts';
import { AppError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import type { ReplayWish } from '../core/ports/erasure.ts';
import { presence, type Presence } from '../core/presence.ts';
import { qualifyPrincipal } from '../core/principal.ts';
import { changeBy, type RequestContext } from '../core/request-context.ts';
import type { SealedPlaces } from './cursor.ts';
import { again, byOwnHand, decidedUnder } from './people.ts';
import { releaseOf, replayRight } from './replay-rights.ts';
import type { ReplayParts } from './replay.ts';

export interface WishResource {
  readonly request: string;
  readonly reader: string;
  readonly reason: string;
  /** ISO 8601, database time. */
  readonly at: string;
}

export interface ApprovalResource extends WishResource {
  readonly approvedBy: string;
  readonly until: string;
}

export interface ApprovalParts extends Pick<ReplayParts, 'catalog' | 'policy' | 'audit'> {
  /** Short names of the configured issuers. */
  readonly issuers: readonly string[];
  readonly places: SealedPlaces;
}

/**
 * Allows a reader to replay one request for an hour and for the reason that was read, by somebody who may replay all of it too. `not_found` where the caller may replay
 * nothing of it, or nobody wishes that; `forbidden` where they may replay a part of it; `second_person_required` for the reader and for
 * an application; `conflict` where the reader wishes it for another reason by now.
 */
export function approveReplay(
  parts: ApprovalParts,
  context: RequestContext,
  request: string,
  wish: { readonly reader: string; readonly reason: string },
): Promise<ApprovalResource> {
  return again(async () => {
    const here = await presence(parts.catalog, context.caller);
    const right = await rightOver(parts, here, request);
    if (right === 'none') throw new AppError('not_found');
    if (right === 'some') throw new AppError('forbidden');
    if (!byOwnHand(here.caller)) throw new AppError('second_person_required');
    const reader = qualifyPrincipal(wish.reader, parts.issuers);
    if (reader === undefined) throw new AppError('not_found');
    const change = changeBy({ ...context, caller: here.caller });
    return approved(
      await parts.catalog.approveReplay(here.view.tenant, { request, reader, reason: wish.reason }, change, decidedUnder(here)),
    );
  });
}

const PAGE = 100;
/** Wishes that one listing looks at; beyond them it answers what it found, and where to go on. */
const MAX_LOOKED_AT = 1_000;
/** More than any request and reader. */
const CURSOR_BYTES = 2_048;

/** Open wishes that the caller could allow: those of others, over answers of which they may replay everything. */
export async function openWishes(
  parts: ApprovalParts,
  context: RequestContext,
  after: string | undefined,
  limit: number,
): Promise<{ readonly wishes: readonly WishResource[]; readonly next?: string }> {
  const here = await presence(parts.catalog, context.caller);
  const wishes: WishResource[] = [];
  const { tenant } = here.view;
  let place = after === undefined ? undefined : await placeOf(parts, tenant, after);
  for (let looked = 0; looked < MAX_LOOKED_AT;) {
    const page = await parts.catalog.openReplayWishes(here.view.tenant, place, PAGE);
    for (const wish of page) {
      looked += 1;
      place = wish;
      if (wish.reader !== actingPrincipal(here.caller) && (await rightOver(parts, here, wish.request)) === 'all') wishes.push(shown(wish));
      if (wishes.length === limit) return { wishes, next: await cursorOf(parts, tenant, wish) };
    }
    if (page.length < PAGE) return { wishes };
  }
  return { wishes, ...(place === undefined ? {} : { next: await cursorOf(parts, tenant, place) }) };
}

async function rightOver(parts: ApprovalParts, here: Presence, request: string): Promise<'all' | 'some' | 'none'> {
  const release = await releaseOf(parts, here, request);
  return release === undefined ? 'none' : (await replayRight(parts, here, release)).kind;
}

function shown({ request, reader, reason, askedAt }: ReplayWish): WishResource {
  return { request, reader, reason, at: new Date(askedAt).toISOString() };
}

function approved(wish: ReplayWish): ApprovalResource {
  const { approval } = wish;
  if (approval.kind !== 'approved') throw new AppError('internal', { detail: 'an approval that is none' });
  return { ...shown(wish), approvedBy: approval.by, until: new Date(approval.until).toISOString() };
}

interface Place {
  readonly request: string;
  readonly reader: string;
}

/** Sealed: the place may be a wish that the caller may not know of. Of one length, whoever wishes it. */
function cursorOf({ places }: ApprovalParts, tenant: TenantId, { request, reader }: Place): Promise<string> {
  const plain = Buffer.alloc(CURSOR_BYTES, ' ');
  plain.write(JSON.stringify([request, reader]));
  return places.seal(scopeOf(tenant), plain);
}

async function placeOf({ places }: ApprovalParts, tenant: TenantId, cursor: string): Promise<Place> {
  const plain = await places.open(scopeOf(tenant), cursor);
  if (plain === undefined)
    throw new AppError('invalid_request', { issues: [{ pointer: 'query/after', message: 'not a place in the list' }] });
  const [request, reader] = JSON.parse(plain.toString('utf8')) as readonly [string, string];
  return { request, reader };
}

function scopeOf(tenant: TenantId): Buffer {
  return Buffer.from(JSON.stringify([tenant, 'replay wishes']));
}
