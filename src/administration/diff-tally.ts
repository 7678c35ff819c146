import type { SourceId } from '../core/ids.ts';
import type { TenantView } from '../core/ports/catalog.ts';
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

export interface PrincipalDiff extends ChangeCounts {
  readonly principal: string;
  readonly kind: DiffSubject['kind'];
  readonly memberships: DiffSubject['memberships'];
  /** The most affected first, at most 20. */
  readonly sources: readonly (ChangeCounts & { readonly source: string })[];
  readonly moreSources: number;
  /** First by source and id. Only of documents that whoever asks may audit or label. */
  readonly examples: { readonly [C in Change]: readonly { readonly source: string; readonly document: string }[] };
}

const CHANGES = ['gained', 'lost', 'unclear'] as const;
const MAX_SOURCES_EACH = 20;

type Sum = { gained: number; lost: number; unclear: number };
const none = (): Sum => ({ gained: 0, lost: 0, unclear: 0 });
const weight = ({ gained, lost, unclear }: ChangeCounts): number => gained + lost + unclear;

interface Under {
  readonly total: Sum;
  readonly sources: Map<SourceId, Sum>;
  readonly classes: { readonly [C in Change]: DocumentClass[] };
}

export function createDiffTally(options: {
  readonly view: TenantView;
  readonly sight: Sight;
  readonly examples: number;
  readonly limit: number;
  readonly after: string | undefined;
}) {
  const seen: { readonly [C in Change]: Set<DocumentClass> } = { gained: new Set(), lost: new Set(), unclear: new Set() };
  const principalsOf = new Map<SourceId, number>();
  const changes: PrincipalDiff[] = [];
  let affected = 0;
  let more = false;
  let open: Under | undefined;

  return {
    note(_subject: DiffSubject, one: DocumentClass, change: Change): void {
      open ??= { total: none(), sources: new Map(), classes: { gained: [], lost: [], unclear: [] } };
      const source = open.sources.get(one.source) ?? none();
      open.sources.set(one.source, source);
      open.total[change] += one.count;
      source[change] += one.count;
      open.classes[change].push(one);
      seen[change].add(one);
    },
    /** Subjects come in order of their names. */
    close(subject: DiffSubject): void {
      const under = open;
      open = undefined;
      if (under === undefined) return;
      affected += 1;
      for (const source of under.sources.keys()) principalsOf.set(source, (principalsOf.get(source) ?? 0) + 1);
      if (options.after !== undefined && subject.principal <= options.after) return;
      if (changes.length < options.limit) changes.push(principalDiff(options, subject, under));
      else more = true;
    },
    affected: () => affected,
    page(): { readonly changes: readonly PrincipalDiff[]; readonly next?: string } {
      const last = changes.at(-1);
      return { changes, ...(more && last !== undefined ? { next: last.principal } : {}) };
    },
    sources(): readonly DiffSource[] {
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
    },
  };
}

function principalDiff(options: { readonly sight: Sight; readonly examples: number }, subject: DiffSubject, under: Under): PrincipalDiff {
  const sources = [...under.sources]
    .map(([source, sum]) => ({ source, ...sum }))
    .sort((a, b) => weight(b) - weight(a) || (a.source < b.source ? -1 : 1));
  const examplesOf = (classes: readonly DocumentClass[]): readonly { readonly source: string; readonly document: string }[] =>
    classes
      .filter(({ zone }) => options.sight.zones.has(zone) && options.sight.confirmed(zone))
      .flatMap(({ source, first }) => first.map((document) => ({ source, document })))
      .sort((a, b) => (a.source === b.source ? (a.document < b.document ? -1 : 1) : a.source < b.source ? -1 : 1))
      .slice(0, options.examples);
  return {
    principal: subject.principal,
    kind: subject.kind,
    memberships: subject.memberships,
    ...under.total,
    sources: sources.slice(0, MAX_SOURCES_EACH),
    moreSources: Math.max(0, sources.length - MAX_SOURCES_EACH),
    examples: {
      gained: examplesOf(under.classes.gained),
      lost: examplesOf(under.classes.lost),
      unclear: examplesOf(under.classes.unclear),
    },
  };
}
