import type { Json, JsonObject } from '../core/json.ts';
import type { Label } from '../core/label.ts';
import { TRUSTS } from '../core/label.ts';
import type { StoredAuditEvent } from '../core/ports/audit.ts';
import type { TenantView } from '../core/ports/catalog.ts';
import type { ZoneId } from '../core/ids.ts';

/** What releases amounted to. */
export interface Summary {
  readonly releases: number;
  readonly chunks: number;
  /** Joint labels of the answers, as they were released; null where the reader may not know one, or nothing was released. */
  readonly answers: readonly { readonly label: Label | null; readonly releases: number }[];
  /** By source and the label that the document itself declares; null for a zone that is gone. */
  readonly sources: readonly {
    readonly source: string;
    readonly declared: Label | null;
    readonly chunks: number;
    readonly releases: number;
  }[];
}

export interface Summing {
  add(event: StoredAuditEvent): void;
  result(): Summary;
}

interface Group {
  chunks: number;
  releases: number;
}

/** Adds up releases. A zone never changes what it declares, so counts by source mean the same for ever. */
export function createSummary({ zones }: Pick<TenantView, 'zones'>): Summing {
  const answers = new Map<string, number>();
  const sources = new Map<string, Group>();
  let [releases, chunks] = [0, 0];
  return {
    add({ kind, body }) {
      if (kind !== 'release') return;
      releases += 1;
      const label = JSON.stringify(labelIn(body['label']));
      answers.set(label, (answers.get(label) ?? 0) + 1);
      const seen = new Set<string>();
      for (const chunk of listIn(body['chunks'])) {
        const { source, zone } = chunk as { readonly source?: Json; readonly zone?: Json };
        const declared = typeof zone === 'number' ? (zones.get(zone as ZoneId)?.declared ?? null) : null;
        const key = JSON.stringify([typeof source === 'string' ? source : '', declared]);
        const group = sources.get(key) ?? { chunks: 0, releases: 0 };
        sources.set(key, group);
        chunks += 1;
        group.chunks += 1;
        if (!seen.has(key)) group.releases += 1;
        seen.add(key);
      }
    },
    result: () => ({
      releases,
      chunks,
      answers: sorted([...answers].map(([label, count]) => ({ label: JSON.parse(label) as Label | null, releases: count }))),
      sources: sorted(
        [...sources].map(([key, group]) => {
          const [source, declared] = JSON.parse(key) as [string, Label | null];
          return { source, declared, ...group };
        }),
      ),
    }),
  };
}

function sorted<T extends { readonly releases: number }>(rows: readonly T[]): readonly T[] {
  return rows.toSorted((a, b) => b.releases - a.releases);
}

function listIn(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? (value as readonly JsonObject[]) : [];
}

function labelIn(value: Json | undefined): Label | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const { level, compartments, trust } = value as JsonObject;
  const known = TRUSTS.find((one) => one === trust);
  if (typeof level !== 'string' || !Array.isArray(compartments) || known === undefined) return null;
  return { level: level as Label['level'], compartments: (compartments as readonly Json[]).map(String), trust: known };
}
