import type { Findings } from './export-findings.ts';

/** Events whose text is gone, and the events that must say so: an operator cannot just leave out what is in the way. */
export interface Erasures {
  /** The event at `index` is said to be gone. */
  claim(index: number, line: number): void;
  /** Whether anything waits for an event that erases. */
  waits(): boolean;
  /** An event behind those that were claimed. */
  meet(kind: string | undefined, line: () => string): void;
  /** Claims that no event answered are findings. */
  finish(): void;
}

const ERASING: ReadonlySet<string> = new Set(['caller.erased', 'content.erased']);

export function createErasures(findings: Findings): Erasures {
  const open = new Map<number, number>();
  return {
    claim: (index, line) => void open.set(index, line),
    waits: () => open.size > 0,
    meet(kind, line) {
      if (kind !== undefined && ERASING.has(kind)) for (const index of emptiedBy(line())) open.delete(index);
    },
    finish() {
      for (const [index, line] of open) findings.add({ kind: 'erasure', index, line });
    },
  };
}

function emptiedBy(line: string): readonly number[] {
  try {
    const { body } = JSON.parse(line) as { readonly body?: { readonly emptied?: unknown } };
    return Array.isArray(body?.emptied) ? (body.emptied as readonly number[]) : [];
  } catch {
    return [];
  }
}
