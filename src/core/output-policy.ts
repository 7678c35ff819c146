import type { TenantId } from './ids.ts';
import { trustRank, type Label, type LabelScheme, type Level, type Trust } from './label.ts';

/**
 * What can be found in the output of a model. `quote`: a passage of a released chunk; `uncited-quote`: of one that the output does not
 * cite; `unknown-citation`: of something that the request did not release; `no-citation`: of nothing, though chunks were released;
 * `unreadable-text`: a released text cannot be compared any more, because it was erased or is gone.
 */
export const OUTPUT_FINDINGS = ['quote', 'uncited-quote', 'unknown-citation', 'no-citation', 'unreadable-text'] as const;
export type OutputFinding = (typeof OUTPUT_FINDINGS)[number];
/** The findings about one chunk, which has a label. */
export const LABELLED_FINDINGS: readonly OutputFinding[] = ['quote', 'uncited-quote', 'unreadable-text'];

export const OUTPUT_DECISIONS = ['allow', 'flag', 'block'] as const;
export type OutputDecision = (typeof OUTPUT_DECISIONS)[number];

/** Conditions hold together; each is about the label of the chunk. */
export interface OutputRule {
  readonly finding: OutputFinding;
  readonly action: 'flag' | 'block';
  /** At this level or above. */
  readonly level: Level | undefined;
  /** In any of these compartments. */
  readonly compartments: readonly string[] | undefined;
  /** Trusted no more than this. */
  readonly trust: Trust | undefined;
}

export interface OutputRules {
  /** The marker of a honey document. */
  readonly marker: OutputDecision;
  /** Letters and digits that a passage needs to count as quoted. */
  readonly quoteLength: number;
  readonly rules: readonly OutputRule[];
}

export interface OutputPolicy extends OutputRules {
  /** In place of all of it for these tenants. */
  readonly tenants: ReadonlyMap<string, OutputRules>;
}

export function outputRulesFor(policy: OutputPolicy, tenant: TenantId): OutputRules {
  return policy.tenants.get(tenant) ?? policy;
}

const ANY = { level: undefined, compartments: undefined, trust: undefined } as const;

export const DEFAULT_QUOTE_LENGTH = 40;
export const DEFAULT_OUTPUT_RULES: readonly OutputRule[] = [
  { finding: 'unknown-citation', action: 'flag', ...ANY },
  { finding: 'uncited-quote', action: 'flag', ...ANY },
  { finding: 'unreadable-text', action: 'flag', ...ANY },
];

/** Where there is no `output.yaml`. */
export const DEFAULT_OUTPUT_POLICY: OutputPolicy = {
  marker: 'block',
  quoteLength: DEFAULT_QUOTE_LENGTH,
  rules: DEFAULT_OUTPUT_RULES,
  tenants: new Map(),
};

/** One finding, with the label of its chunk where it has one. */
export interface FoundInOutput {
  readonly finding: OutputFinding;
  readonly label?: Label;
}

export interface OutputVerdict {
  readonly decision: OutputDecision;
  /** The findings that a rule was about, each once. */
  readonly reasons: readonly OutputFinding[];
}

/** The strictest action of every rule that is about something found. */
export function judgeOutput(scheme: LabelScheme, { rules }: OutputRules, found: readonly FoundInOutput[]): OutputVerdict {
  let decision: OutputDecision = 'allow';
  const reasons = new Set<OutputFinding>();
  for (const rule of rules) {
    if (!found.some((one) => applies(scheme, rule, one))) continue;
    decision = stricter(decision, rule.action);
    reasons.add(rule.finding);
  }
  return { decision, reasons: OUTPUT_FINDINGS.filter((finding) => reasons.has(finding)) };
}

export function stricter(a: OutputDecision, b: OutputDecision): OutputDecision {
  return OUTPUT_DECISIONS.indexOf(a) >= OUTPUT_DECISIONS.indexOf(b) ? a : b;
}

function applies(scheme: LabelScheme, rule: OutputRule, { finding, label }: FoundInOutput): boolean {
  if (rule.finding !== finding) return false;
  const { level, compartments, trust } = rule;
  if (label === undefined) return level === undefined && compartments === undefined && trust === undefined;
  return (
    (level === undefined || scheme.rank(label.level) >= scheme.rank(level)) &&
    (compartments === undefined || compartments.some((compartment) => label.compartments.includes(compartment))) &&
    (trust === undefined || trustRank(label.trust) <= trustRank(trust))
  );
}
