import type { SourceId } from '../core/ids.ts';
import type { DiffSubject } from './diff-subjects.ts';
import type { DocumentClass } from './document-classes.ts';
import type { Sight } from './sight.ts';

export type Change = 'gained' | 'lost' | 'unclear';

export type ChangeCounts = { readonly [C in Change]: number };

/** Documents that at least one principal gains or loses, each once; and how many principals. */
export interface DiffSource extends ChangeCounts {
  readonly source: string;
  readonly principals: number;
}

interface Example {
  readonly source: string;
  readonly document: string;
}

export interface PrincipalDiff extends ChangeCounts {
  readonly principal: string;
  readonly kind: DiffSubject['kind'];
  readonly memberships: DiffSubject['memberships'];
  /** The most affected first, at most 20. */
  readonly sources: readonly (ChangeCounts & { readonly source: string })[];
  readonly moreSources: number;
  /** First by source and id. Only of documents that whoever asks may audit or label. */
  readonly examples: { readonly [C in Change]: readonly Example[] };
}

const CHANGES = ['gained', 'lost', 'unclear'] as const;
const MAX_SOURCES_EACH = 20;

type Sum = { gained: number; lost: number; unclear: number };
const none = (): Sum => ({ gained: 0, lost: 0, unclear: 0 });
const weight = ({ gained, lost, unclear }: ChangeCounts): number => gained + lost + unclear;

/** What changes for one subject, and for every other whose zones and ACLs are decided alike. */
export interface Changes {
  add(one: DocumentClass, change: Change): void;
  isEmpty(): boolean;
  readonly total: Sum;
  readonly sources: ReadonlyMap<SourceId, Sum>;
  readonly examples: { readonly [C in Change]: Example[] };
}

export interface TallyOptions {
  readonly sight: Sight;
  readonly examples: number;
  readonly limit: number;
  readonly after: string | undefined;
}

export function createDiffTally(options: TallyOptions) {
  const seen: { readonly [C in Change]: Set<DocumentClass> } = { gained: new Set(), lost: new Set(), unclear: new Set() };
  const principalsOf = new Map<SourceId, number>();
  const changes: PrincipalDiff[] = [];
  let affected = 0;
  let more = false;

  return {
    changes(): Changes {
      const [total, sources] = [none(), new Map<SourceId, Sum>()];
      const examples: Changes['examples'] = { gained: [], lost: [], unclear: [] };
      return {
        total,
        sources,
        examples,
        isEmpty: () => sources.size === 0,
        add(one, change) {
          const source = sources.get(one.source) ?? none();
          sources.set(one.source, source);
          total[change] += one.count;
          source[change] += one.count;
          seen[change].add(one);
          keepExamples(options, examples[change], one);
        },
      };
    },
    /** Subjects come in order of their names. */
    note(subject: DiffSubject, under: Changes): void {
      if (under.isEmpty()) return;
      affected += 1;
      for (const source of under.sources.keys()) principalsOf.set(source, (principalsOf.get(source) ?? 0) + 1);
      if (options.after !== undefined && subject.principal <= options.after) return;
      if (changes.length < options.limit) changes.push(principalDiff(subject, under));
      else more = true;
    },
    affected: () => affected,
    page(): { readonly changes: readonly PrincipalDiff[]; readonly next?: string } {
      const last = changes.at(-1);
      return { changes, ...(more && last !== undefined ? { next: last.principal } : {}) };
    },
    sources: () => sourcesOf(seen, principalsOf),
  };
}

function sourcesOf(
  seen: { readonly [C in Change]: ReadonlySet<DocumentClass> },
  principalsOf: ReadonlyMap<SourceId, number>,
): readonly DiffSource[] {
  const sums = new Map<SourceId, Sum>();
  for (const change of CHANGES) {
    for (const { source, count } of seen[change]) {
      const sum = sums.get(source) ?? none();
      sums.set(source, sum);
      sum[change] += count;
    }
  }
  return [...sums]
    .map(([source, sum]) => ({ source, ...sum, principals: principalsOf.get(source) ?? 0 }))
    .sort((a, b) => weight(b) - weight(a) || (a.source < b.source ? -1 : 1));
}

function before(a: Example, b: Example): boolean {
  return a.source === b.source ? a.document < b.document : a.source < b.source;
}

/** Merges the first ids of a class into the first of all. */
function keepExamples({ sight, examples: limit }: TallyOptions, kept: Example[], { zone, source, first }: DocumentClass): void {
  for (const document of first) {
    const example = { source, document };
    const last = kept.at(-1);
    if (kept.length >= limit && (last === undefined || !before(example, last))) return;
    if (!sight.zones.has(zone) || !sight.confirmed(zone)) return;
    const at = kept.findIndex((other) => before(example, other));
    kept.splice(at === -1 ? kept.length : at, 0, example);
    if (kept.length > limit) kept.pop();
  }
}

function principalDiff(subject: DiffSubject, { total, sources: of, examples }: Changes): PrincipalDiff {
  const sources = [...of]
    .map(([source, sum]) => ({ source, ...sum }))
    .sort((a, b) => weight(b) - weight(a) || (a.source < b.source ? -1 : 1));
  const { principal, kind, memberships } = subject;
  return {
    principal,
    kind,
    memberships,
    ...total,
    sources: sources.slice(0, MAX_SOURCES_EACH),
    moreSources: Math.max(0, sources.length - MAX_SOURCES_EACH),
    examples,
  };
}
