/** What is wrong with an export, and where. `line`: 1-based; `index`: position in the log. */
export type Finding =
  | { readonly kind: 'not-an-export'; readonly line: number }
  | { readonly kind: 'bad-line'; readonly line: number }
  /** The file ends before it says it does. */
  | { readonly kind: 'truncated'; readonly index: number }
  | { readonly kind: 'changed'; readonly index: number; readonly line: number }
  | { readonly kind: 'dropped'; readonly index: number; readonly count: number }
  | { readonly kind: 'inserted'; readonly index: number; readonly line: number }
  /** At `index` stands what belongs to `found`. */
  | { readonly kind: 'moved'; readonly index: number; readonly found: number; readonly line: number }
  | { readonly kind: 'swapped'; readonly index: number; readonly found: number; readonly line: number }
  /** The log itself holds, from `index` on, events that say they stand elsewhere or belong to another tenant, or have another form. */
  | { readonly kind: 'false-event'; readonly index: number; readonly count: number; readonly line: number }
  | { readonly kind: 'not-canonical'; readonly index: number; readonly line: number }
  /** The tile says other hashes than the events have, and the events are right. Or it is missing, or not where it belongs. */
  | { readonly kind: 'tile'; readonly tile: number; readonly line: number }
  /** The hashes before the range are not those of its first tile. */
  | { readonly kind: 'peaks'; readonly line: number }
  /** After the tree of size `from`, where they agree, the export and the checkpoint of size `to` are two different logs. */
  | { readonly kind: 'forked'; readonly from: number; readonly to: number; readonly line: number }
  | { readonly kind: 'checkpoint'; readonly reason: CheckpointFault; readonly line: number; readonly size?: number }
  | { readonly kind: 'other-log'; readonly expected: string; readonly found: string }
  /** No checkpoint covers the events from `index` on. */
  | { readonly kind: 'uncovered'; readonly index: number; readonly to: number }
  /** The checkpoint given is of this size, and nothing leads from this export to it. */
  | { readonly kind: 'unreached'; readonly size: number }
  /** What was asked to be checked needs the whole log up to the checkpoint. */
  | { readonly kind: 'not-whole'; readonly from: number; readonly to: number; readonly size: number }
  /** The proof does not lead from the end of the export to the checkpoint of this size. */
  | { readonly kind: 'proof'; readonly line: number; readonly size: number }
  /** The text of this event is gone, and no later event of the export says that it was erased. */
  | { readonly kind: 'erasure'; readonly index: number; readonly line: number }
  /** The map of sub-logs in the checkpoint is not that of its events. */
  | { readonly kind: 'map'; readonly size: number; readonly line: number }
  /** No map beyond this size can be made anew: an event that it holds was erased. */
  | { readonly kind: 'map-unknown'; readonly size: number }
  | { readonly kind: 'digest'; readonly line: number }
  /** Behind the last line. */
  | { readonly kind: 'surplus'; readonly line: number };

/** `malformed`: no note, or no checkpoint. `unknown`: none of the keys given signed it. `forged`: signed in their name by another. */
export type CheckpointFault = 'malformed' | 'unknown' | 'forged' | 'origin' | 'order' | 'no-map';

/** More are counted, and not kept. */
const MAX_FINDINGS = 1_000;

export interface Findings {
  add(finding: Finding): void;
  list(): readonly Finding[];
  /** Found and not kept. */
  more(): number;
  count(): number;
}

export function createFindings(): Findings {
  const found: Finding[] = [];
  let more = 0;
  return {
    add(finding) {
      const last = found.at(-1);
      // The whole log of another tenant is one finding.
      if (finding.kind === 'false-event' && last?.kind === 'false-event' && last.index + last.count === finding.index) {
        found[found.length - 1] = { ...last, count: last.count + finding.count };
      } else if (found.length < MAX_FINDINGS) found.push(finding);
      else more += 1;
    },
    list: () => withSwaps(found),
    more: () => more,
    count: () => found.length + more,
  };
}

/** Two events, each in the other's place, are one finding. */
function withSwaps(found: readonly Finding[]): readonly Finding[] {
  const moved = new Map(found.flatMap((finding) => (finding.kind === 'moved' ? [[finding.index, finding.found] as const] : [])));
  return found.flatMap((finding): readonly Finding[] => {
    if (finding.kind !== 'moved' || moved.get(finding.found) !== finding.index) return [finding];
    return finding.index < finding.found ? [{ ...finding, kind: 'swapped' }] : [];
  });
}
