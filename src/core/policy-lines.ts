import { digestOf } from './digest.ts';

/** The actions a policy line can name. Meaning: the table "Who may change what" in docs/security.md. */
export const SOURCE_ACTIONS = ['retrieve', 'ingest', 'label', 'request', 'approve', 'audit', 'replay'] as const;
export const ACTIONS = [...SOURCE_ACTIONS, 'administer', 'operate'] as const;
export type Action = (typeof ACTIONS)[number];

/** One line of `policy.csv`, its columns as written. `p` has 8 columns after the type, `g` has 3. */
export interface PolicyLine {
  readonly type: 'p' | 'g';
  readonly columns: readonly string[];
  /** 1-based line in the file it came from, for messages and for `decision.rules`. */
  readonly line: number;
}

/** An immutable set of policy lines of one tenant, as stored. */
export interface PolicyRevision {
  /** Short, unique within the tenant; appears in provenance. */
  readonly id: string;
  readonly lines: readonly PolicyLine[];
}

/** `policy.csv` again: each line where it stood, so that line numbers in provenance keep their meaning. */
export function policyCsv(lines: readonly PolicyLine[]): string {
  const last = lines.reduce((most, { line }) => Math.max(most, line), 0);
  const rows = Array<string>(last).fill('');
  for (const { type, columns, line } of lines) rows[line - 1] = [type, ...columns].join(', ');
  return rows.map((row) => `${row}\n`).join('');
}

/** A revision is named by its content, so that the same lines are the same revision wherever they are read. */
export function policyRevision(lines: readonly PolicyLine[]): PolicyRevision {
  const name = digestOf(policyCsv(lines)).slice('sha256:'.length);
  return { id: name.slice(0, 12), lines };
}
