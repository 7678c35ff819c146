import { AppError } from '../../core/errors.ts';
import type { AuthorizedFilter } from '../../core/filter.ts';
import type { ChunkId } from '../../core/ids.ts';
import type { PointPlace, StoredPoint } from '../../core/ports/collections.ts';
import type { PointHit, PointScope } from '../../core/ports/points.ts';
import type { Bait, JudgedHit, JudgingContext, Judgement } from '../judge.ts';
import { judgeChunks } from '../search-leg.ts';
import type { PointsParts } from './parts.ts';

export type JudgingParts = Pick<PointsParts, 'catalog' | 'policy' | 'telemetry'>;

/** What one search of the index works under. */
export interface Searching {
  readonly context: JudgingContext;
  readonly place: PointPlace;
  readonly filter: AuthorizedFilter;
  /** What is left out from the start, as `Settled` says. */
  readonly never?: readonly ChunkId[];
  /** Resolves when the intent is durable. */
  readonly declared: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** A hit that passed. */
export interface JudgedPoint {
  readonly hit: PointHit;
  readonly judgement: Judgement;
  readonly stored: StoredPoint;
}

/** Past this many refusals, the index is so stale that asking on would only hide it. */
const MAX_REFUSED = 65_536;
/** Points judged at once, and characters of those that passed, which are held until the answer is made: those before an offset too. */
const JUDGED_AT_ONCE = 1_024;
const MAX_HELD = 134_217_728;
/** Chunks that a request may name to be left out. */
const MAX_NEVER = 16_384;

/** Remembers what was decided about each hit of one search, however often the index is asked. */
export class Judged {
  readonly #parts: JudgingParts;
  readonly #searching: Searching;
  readonly #hits = new Map<ChunkId, JudgedHit>();
  readonly #stored = new Map<ChunkId, StoredPoint>();
  readonly #never: ChunkId[] = [];
  #refused = 0;
  #designed = 0;
  #held = 0;

  constructor(parts: JudgingParts, searching: Searching) {
    this.#parts = parts;
    this.#searching = searching;
  }

  /** Everything that was refused so far is left out at every stage, as if it were not there. */
  scope(): PointScope {
    const { place, filter, never = [] } = this.#searching;
    return { place, filter, never: [...never, ...this.#never] };
  }

  /** Judges what is new among these, and reads payloads beside it. True where one of them was refused. Fails with `index_unavailable`. */
  async judge(hits: readonly PointHit[]): Promise<boolean> {
    const { context, place } = this.#searching;
    const fresh = [...new Set(hits.map(({ chunk }) => chunk))].filter((chunk) => !this.#hits.has(chunk));
    for (let start = 0; start < fresh.length; start += JUDGED_AT_ONCE) {
      const some = fresh.slice(start, start + JUDGED_AT_ONCE);
      const [, stored] = await Promise.all([
        judgeChunks(this.#parts, context, some, this.#hits),
        this.#parts.catalog.storedPoints(context.view.tenant, place, some),
      ]);
      for (const chunk of some) this.#note(chunk, stored.get(chunk));
    }
    return hits.some(({ chunk }) => this.#hits.get(chunk)?.kind === 'refused');
  }

  #note(chunk: ChunkId, stored: StoredPoint | undefined): void {
    const hit = this.#hits.get(chunk);
    if (hit?.kind === 'passed' && stored !== undefined) this.#hold(chunk, hit.judgement, stored);
    if (hit?.kind !== 'refused') return;
    this.#never.push(chunk);
    this.#refused += 1;
    if (hit.by === 'acl-time' || hit.by === 'bait') this.#designed += 1;
    if (this.#refused - this.#designed > MAX_REFUSED) throw tooStale();
  }

  #hold(chunk: ChunkId, { candidate }: Judgement, stored: StoredPoint): void {
    this.#stored.set(chunk, stored);
    this.#held += candidate.text.length + stored.payload.length;
    if (this.#held <= MAX_HELD) return;
    const message = `points of more than ${MAX_HELD} characters would have to be held: ask for fewer, or with a smaller offset`;
    throw new AppError('limit_exceeded', { issues: [{ pointer: '', message }] });
  }

  /** For what has to be asked again without them. */
  demandFewRefused(): void {
    if (this.#never.length > MAX_NEVER) throw tooStale();
  }

  passed(hits: readonly PointHit[]): readonly JudgedPoint[] {
    return hits.flatMap((hit): readonly JudgedPoint[] => {
      const judged = this.#hits.get(hit.chunk);
      if (judged?.kind !== 'passed') return [];
      const stored = this.#stored.get(hit.chunk);
      // Swept between the two reads: it died before this request could release it.
      return stored === undefined ? [] : [{ hit, judgement: judged.judgement, stored }];
    });
  }

  /** Bait among those that would have been in the answer, had they not been bait. */
  bait(hits: readonly PointHit[], from: number, to: number): readonly Bait[] {
    const ranked = hits.map(({ chunk }) => this.#hits.get(chunk)).filter((hit) => hit?.kind === 'passed' || isBait(hit));
    return ranked.slice(from, to).flatMap((hit) => (hit?.kind === 'refused' && hit.by === 'bait' ? [hit.document] : []));
  }

  get candidates(): number {
    return this.#hits.size;
  }

  get refused(): number {
    return this.#refused;
  }

  /** One of the hits was of a text that has been replaced or deleted since it was indexed. */
  get gone(): boolean {
    return this.#never.some((chunk) => {
      const hit = this.#hits.get(chunk);
      return hit?.kind === 'refused' && hit.by === 'gone';
    });
  }
}

function isBait(hit: JudgedHit | undefined): boolean {
  return hit?.kind === 'refused' && hit.by === 'bait';
}

export function tooStale(): AppError {
  return new AppError('index_unavailable', { detail: 'the index is too stale to fill an answer' });
}
