import { earliest } from '../core/validity.ts';
import { judgeAcl, permittedUntil, type AclSubject } from '../core/acl.ts';
import { AppError } from '../core/errors.ts';
import type { Exclusion } from '../core/filter.ts';
import type { ChunkId, DocumentKey, TenantId } from '../core/ids.ts';
import type { AggregateCatalog } from '../core/ports/aggregates.ts';
import type { PointPlace } from '../core/ports/collections.ts';

type DocumentExclusion = Extract<Exclusion, { readonly kind: 'documents' }>;

/** What an aggregate leaves out for one caller, and how long what it says then holds by the clock. */
export interface Settled {
  /** Database time of all of this, milliseconds. */
  readonly at: number;
  readonly without: DocumentExclusion;
  /** Beside it, of a hosted collection: chunks that are not, or no longer, a point. */
  readonly never: readonly ChunkId[];
  /** The same, with bait let in, to see whether it would have been touched; undefined where there is none. */
  readonly withBait: DocumentExclusion | undefined;
  /** Earliest moment, in milliseconds, at which a clock alone may take something away. */
  readonly until: number | 'forever';
}

/** A filter that names more is refused rather than cut: what were not named would be counted. */
export const MAX_LEFT_OUT = 10_000;

/**
 * The one place that decides what counts, facets and groups leave out: whatever of the tenant the index cannot be believed about.
 * Entries of ACLs with bounds are judged here, by database time, since the index holds none of them exactly.
 * Fails with `aggregate_unstable` where there is too much of it.
 */
export async function settle(catalog: AggregateCatalog, tenant: TenantId, place: PointPlace, subject: AclSubject): Promise<Settled> {
  const found = await catalog.unsettled(tenant, place, MAX_LEFT_OUT);
  if (found.kind === 'too-many') throw unstable(`more than ${MAX_LEFT_OUT} documents or texts would have to be left out`);
  const documents = new Set(found.documents);
  let until = found.nextEnd;
  for (const { key, acl } of found.timed) {
    if (judgeAcl(acl, subject, found.at).kind !== 'permit') documents.add(key);
    else until = earliest([until, permittedUntil(acl, subject, found.at)]);
  }
  const bait = [...(found.bait ?? [])];
  const withBait = bait.length === 0 ? undefined : leavingOut([...documents].filter((key) => found.bait?.has(key) !== true));
  return { at: found.at, without: leavingOut([...documents]), never: [...found.chunks], withBait, until };
}

/** A list also where it is empty: by it the filter knows that no key two comes after it, and keeps the time of what a grant opens. */
function leavingOut(documents: readonly DocumentKey[]): DocumentExclusion {
  return { kind: 'documents', documents };
}

/**
 * True where nothing was to be left out `afterwards` that was not left out `before`: whatever the index held meanwhile is then either
 * left out or the caller's. To be settled again after the index has answered. A text is staged before its points are written, and one
 * that was published meanwhile moves no epoch, so its bounds, and its quarantine, are first seen here.
 */
export function stillSettled(before: Settled, afterwards: Settled): boolean {
  const [documents, chunks] = [new Set(before.without.documents), new Set(before.never)];
  return afterwards.without.documents.every((key) => documents.has(key)) && afterwards.never.every((chunk) => chunks.has(chunk));
}

export function unstable(detail: string): AppError {
  return new AppError('aggregate_unstable', { detail, retryAfter: 1 });
}
