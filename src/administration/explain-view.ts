import type { Label } from '../core/label.ts';
import type { Outcome, SpeakingLine } from '../core/ports/explain.ts';
import type { DocumentFacts } from '../core/ports/history.ts';
import type { Described, Memberships } from './described-caller.ts';
import { decisionOf, type Stage, type StageName } from './explain-stages.ts';

/** Owners see ACLs, auditors policy and no ACL, readers the numbers that provenance names to them anyway. */
export type ExplanationView = 'owner' | 'auditor' | 'reader';

export interface ShownLine {
  readonly line: number;
  readonly effect: 'allow' | 'deny';
  readonly text?: string;
  /** From a principal to the name in the line. */
  readonly chain?: readonly { readonly name: string; readonly line?: number }[];
  /** Absent where it is certain that they hold it. */
  readonly possible?: true;
}

export interface ShownEntry {
  readonly principal: string;
  readonly standing: 'held' | 'possible' | 'ended' | 'to-come';
  readonly from?: string;
  readonly until?: string;
}

export interface ShownStage {
  readonly stage: StageName;
  readonly outcome: Outcome;
  readonly because: readonly string[];
  readonly gates?: readonly { readonly outcome: Outcome; readonly entries?: readonly ShownEntry[] }[];
  readonly entries?: readonly ShownEntry[];
  /** The approved request for access that opens the gates, and when it ends. */
  readonly grant?: { readonly request: string; readonly until: string };
  /** At most 50, in line order, those that decide first. */
  readonly lines?: readonly ShownLine[];
  /** How many lines speak. */
  readonly speaking?: number;
}

export interface Explanation {
  readonly view: ExplanationView;
  readonly source: string;
  readonly document: string;
  /** ISO 8601, database time. */
  readonly at: string;
  readonly past: boolean;
  readonly user: string | null;
  readonly client: string;
  readonly purpose: string;
  readonly memberships: {
    readonly from: Memberships['from'];
    readonly groups: readonly string[];
    readonly groupCount: number;
    readonly guest: Memberships['guest'];
  };
  readonly revision: string;
  readonly aclVersion: number;
  readonly label: Label;
  readonly decision: Outcome;
  readonly stages: readonly ShownStage[];
}

const MAX_LINES = 50;
const MAX_ENTRIES = 50;
const MAX_SHOWN_GROUPS = 100;

export function shown(
  view: ExplanationView,
  made: {
    readonly described: Described;
    readonly stages: readonly Stage[];
    readonly purpose: string;
    readonly label: Label;
    readonly facts: DocumentFacts;
    readonly at: number;
    readonly past: boolean;
    readonly revision: string;
  },
): Explanation {
  const { described, stages, facts } = made;
  const { caller, memberships } = described;
  return {
    view,
    source: facts.source.id,
    document: facts.document,
    at: new Date(made.at).toISOString(),
    past: made.past,
    user: caller.user.kind === 'user' ? caller.user.principal : null,
    client: caller.client,
    purpose: made.purpose,
    memberships: { ...memberships, groups: told(described), groupCount: memberships.groups.length },
    revision: made.revision,
    aclVersion: facts.aclVersion,
    label: made.label,
    decision: decisionOf(stages),
    stages: stages.map((stage) => shownStage(view, stage)),
  };
}

/** What was given, or is their own. Whom the directory puts into which group is not for everybody who may audit a source. */
function told({ memberships, self }: Described): readonly string[] {
  return self || memberships.from === 'given' ? memberships.groups.slice(0, MAX_SHOWN_GROUPS) : [];
}

/** An auditor learns which gate it was, and no member of it. A reader passed them all, and is not told how many there are. */
function shownStage(view: ExplanationView, { stage, outcome, because, gates, entries, lines, grant }: Stage): ShownStage {
  const owner = view === 'owner';
  return {
    stage,
    outcome,
    because,
    ...(gates === undefined || view === 'reader'
      ? {}
      : { gates: gates.map((gate) => ({ outcome: gate.outcome, ...(owner ? { entries: shownEntries(gate.entries) } : {}) })) }),
    ...(entries === undefined || !owner ? {} : { entries: shownEntries(entries) }),
    ...(grant === undefined ? {} : { grant: { request: grant.id, until: new Date(grant.validUntil).toISOString() } }),
    ...(lines === undefined ? {} : { lines: shownLines(view, lines), speaking: lines.length }),
  };
}

function shownEntries(entries: NonNullable<Stage['entries']>): readonly ShownEntry[] {
  return entries.slice(0, MAX_ENTRIES).map(({ principal, standing, from, until }) => ({
    principal,
    standing,
    ...(from === undefined ? {} : { from: new Date(from).toISOString() }),
    ...(until === undefined ? {} : { until: new Date(until).toISOString() }),
  }));
}

function shownLines(view: ExplanationView, lines: readonly SpeakingLine[]): readonly ShownLine[] {
  const weight = (line: SpeakingLine): number => (line.effect === 'deny' ? 0 : 2) + (line.certain ? 0 : 1);
  const some = [...lines].sort((a, b) => weight(a) - weight(b) || a.line - b.line).slice(0, MAX_LINES);
  return some
    .sort((a, b) => a.line - b.line)
    .map(({ line, effect, text, chain, certain }) => ({
      line,
      effect,
      ...(view === 'reader' ? {} : { text, chain }),
      ...(certain ? {} : { possible: true as const }),
    }));
}
