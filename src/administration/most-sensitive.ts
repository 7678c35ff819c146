import { AppError } from '../core/errors.ts';
import type { ZoneId } from '../core/ids.ts';
import type { Label } from '../core/label.ts';
import type { TenantView } from '../core/ports/catalog.ts';
import type { ScannedDocument } from '../core/ports/history.ts';
import { effectiveZone } from '../core/zone.ts';
import type { Sight } from './sight.ts';

export interface ListedDocument {
  readonly source: string;
  readonly document: string;
  readonly label: Label;
  /** Absent where it is certain that they may read it. */
  readonly unknown?: true;
}

/** Level downwards, compartments downwards, then by name. */
type Place = readonly [rank: number, compartments: number, source: string, document: string];

interface Entry {
  readonly place: Place;
  readonly zone: ZoneId;
  readonly listed: ListedDocument;
}

function compare(a: Place, b: Place): number {
  if (a[0] !== b[0]) return b[0] - a[0];
  if (a[1] !== b[1]) return b[1] - a[1];
  if (a[2] !== b[2]) return a[2] < b[2] ? -1 : 1;
  return a[3] === b[3] ? 0 : a[3] < b[3] ? -1 : 1;
}

export function readCursor(text: string | undefined): Place | undefined {
  if (text === undefined) return undefined;
  try {
    const read: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    if (Array.isArray(read) && read.length === 4) {
      const [rank, compartments, source, document] = read as readonly unknown[];
      if (typeof rank === 'number' && typeof compartments === 'number' && typeof source === 'string' && typeof document === 'string') {
        return [rank, compartments, source, document];
      }
    }
  } catch {
    // Falls through: what is no JSON is no cursor of ours either.
  }
  throw new AppError('invalid_request', { issues: [{ pointer: '/after', message: 'is no `next` of a page' }] });
}

/** Keeps the first `limit` after the cursor of whatever is offered, in any order, in the memory of two pages. */
export function listedDocuments(view: TenantView, limit: number, after: Place | undefined) {
  const labels = new Map<ZoneId, Label>();
  for (const zone of view.zones.values()) {
    const source = view.sources.get(zone.source);
    if (source !== undefined) labels.set(zone.id, effectiveZone(view.scheme, source, zone.declared).label);
  }
  let kept: Entry[] = [];
  let worst: Place | undefined;
  const cut = (): void => {
    kept = kept.sort((a, b) => compare(a.place, b.place)).slice(0, limit + 1);
    worst = kept.length > limit ? kept.at(-1)?.place : undefined;
  };
  return {
    offer({ source, document, zone }: ScannedDocument, certain: boolean): void {
      const label = labels.get(zone);
      if (label === undefined) return;
      const place: Place = [view.scheme.rank(label.level), label.compartments.length, source, document];
      if ((after !== undefined && compare(place, after) <= 0) || (worst !== undefined && compare(place, worst) >= 0)) return;
      kept.push({ place, zone, listed: { source, document, label, ...(certain ? {} : { unknown: true as const }) } });
      if (kept.length > 2 * limit + 1) cut();
    },
    page({ confirmed }: Sight): { readonly page: readonly ListedDocument[]; readonly next?: string } {
      cut();
      const last = kept.length > limit ? kept[limit - 1]?.place : undefined;
      const page = kept.slice(0, limit).filter(({ zone }) => confirmed(zone));
      return {
        page: page.map(({ listed }) => listed),
        ...(last === undefined ? {} : { next: Buffer.from(JSON.stringify(last)).toString('base64url') }),
      };
    },
  };
}
