import { aclSubject } from '../core/caller.ts';
import { grantsFor, type Grant, openingGrant } from '../core/grants.ts';
import type { TenantView } from '../core/ports/catalog.ts';
import { mayHold, type ExplainPolicyPort, type Outcome, type Party, type SpeakingLine } from '../core/ports/explain.ts';
import type { DocumentFacts } from '../core/ports/history.ts';
import type { Purpose } from '../core/ports/policy.ts';
import { effectiveZone } from '../core/zone.ts';
import { denyFinding, gateFinding, gateFindings, joined, type AclSubjectBounds, type BearingEntry } from './acl-stages.ts';
import { partiesOf, possiblyHeld, type Described } from './described-caller.ts';

/** The rows of "who may read what" (docs/security.md), in its order. All of them are told, also after one that refuses. */
export type StageName =
  'tenant' | 'live' | 'time' | 'acl-gates' | 'ceiling' | 'acl-deny' | 'policy-user' | 'policy-client' | 'policy-actor';

export interface Stage {
  readonly stage: StageName;
  readonly outcome: Outcome;
  /** What refuses or stays unknown, in words that are fixed; empty where it passes. */
  readonly because: readonly string[];
  /** Of `acl-gates`: each gate by itself. */
  readonly gates?: readonly { readonly outcome: Outcome; readonly entries: readonly BearingEntry[] }[];
  /** An approved request for access that opens the gates. */
  readonly grant?: Grant;
  /** Of `ceiling` and `acl-deny`. */
  readonly entries?: readonly BearingEntry[];
  /** Of the policy stages. */
  readonly lines?: readonly SpeakingLine[];
}

export interface StageInput {
  readonly described: Described;
  readonly view: TenantView;
  readonly facts: DocumentFacts;
  readonly at: number;
  readonly purpose: Purpose;
}

export function decisionOf(stages: readonly Stage[]): Outcome {
  return joined(stages.map(({ outcome }) => outcome));
}

export function stagesOf(explainer: ExplainPolicyPort, input: StageInput): readonly Stage[] {
  const { described, view, facts, at, purpose } = input;
  const subject: AclSubjectBounds = { ...aclSubject(described.caller), possible: possiblyHeld(described) };
  const gates = gateFindings(facts.acl, subject, at);
  const gated = joined(gates.map(({ outcome }) => outcome));
  // Judged as key two does: a grant counts only where a gate is closed.
  const grant = gated === 'pass' ? undefined : openingGrant(grantsFor(view.grants, described.caller, at), facts, at);
  const { ceiling } = facts.source;
  const above = ceiling.kind === 'none' ? { outcome: 'pass' as const, entries: [] } : gateFinding(ceiling.principals, subject, at);
  const deny = denyFinding(facts.acl, subject, at);
  const object = effectiveZone(view.scheme, facts.source, facts.declared);
  const { user, client, actor } = partiesOf(described);
  const policyStage = (stage: StageName, party: Party): Stage => {
    const { outcome, lines } = explainer.party(view, party, 'retrieve', object, purpose);
    return { stage, outcome, because: policyReasons(outcome, lines), lines };
  };
  return [
    tenantStage(input),
    liveStage(input, subject),
    timeStage(input),
    grant === undefined
      ? { stage: 'acl-gates', outcome: gated, because: gateReasons(facts, gates), gates }
      : { stage: 'acl-gates', outcome: 'pass', because: [], gates, grant },
    { stage: 'ceiling', ...above, because: because(above.outcome, 'the ceiling of the source names none of their principals') },
    { stage: 'acl-deny', ...deny, because: because(deny.outcome, 'a deny entry names them') },
    ...(user === undefined ? [] : [policyStage('policy-user', user)]),
    policyStage('policy-client', client),
    ...(actor === undefined ? [] : [policyStage('policy-actor', actor)]),
  ];
}

const UNKNOWN = 'depends on groups or a guest status that are not known here';

function because(outcome: Outcome, refusal: string): readonly string[] {
  return outcome === 'pass' ? [] : [outcome === 'unknown' ? UNKNOWN : refusal];
}

function tenantStage({ described, view }: StageInput): Stage {
  const same = described.caller.tenant === view.tenant;
  return { stage: 'tenant', outcome: same ? 'pass' : 'refuse', because: same ? [] : ['they are of another tenant'] };
}

function liveStage({ described, view, facts }: StageInput, subject: AclSubjectBounds): Stage {
  const { off } = view;
  const source = view.sources.get(facts.source.id);
  const known = source?.state === 'live' && view.zones.get(facts.zone)?.source === facts.source.id;
  const refusals = [
    [facts.state === 'deleted', 'the document is deleted'],
    [facts.state === 'quarantined', 'the document is quarantined: a deny names somebody unknown'],
    [!facts.current, 'the chunk is of a text that was not the current one'],
    [facts.off, 'the document is switched off'],
    [facts.honey, 'the document is bait, which is released to nobody'],
    [!known, 'the source is deleted'],
    [off.sources.has(facts.source.id), 'the source is switched off'],
    [off.everything, 'the tenant or everything is switched off'],
    [!described.admitted, 'the directory does not know this person, or has deactivated them'],
    [[...off.principals].some((one) => subject.deny.has(one)), 'the user, the client or the actor is switched off'],
  ] as const;
  const reasons = refusals.flatMap(([holds, reason]) => (holds ? [reason] : []));
  if (reasons.length > 0) return { stage: 'live', outcome: 'refuse', because: reasons };
  const unsure = [...off.principals].some((one) => mayHold(subject.possible, one));
  return { stage: 'live', outcome: unsure ? 'unknown' : 'pass', because: unsure ? [UNKNOWN] : [] };
}

function timeStage({ facts: { validFrom, validUntil }, at }: StageInput): Stage {
  if (validFrom !== 'always' && at < validFrom * 1000) {
    return { stage: 'time', outcome: 'refuse', because: [`the document is valid from ${new Date(validFrom * 1000).toISOString()}`] };
  }
  if (validUntil !== 'forever' && at >= validUntil * 1000) {
    return { stage: 'time', outcome: 'refuse', because: [`the document was valid until ${new Date(validUntil * 1000).toISOString()}`] };
  }
  return { stage: 'time', outcome: 'pass', because: [] };
}

function gateReasons({ acl }: DocumentFacts, gates: readonly { readonly outcome: Outcome }[]): readonly string[] {
  if (acl.gates.length === 0) return ['the document has no gate: nobody may read it'];
  return gates.flatMap(({ outcome }, index) =>
    outcome === 'pass' ? [] : [`gate ${index + 1} of ${gates.length} ${outcome === 'refuse' ? 'names none of their principals' : UNKNOWN}`],
  );
}

function policyReasons(outcome: Outcome, lines: readonly SpeakingLine[]): readonly string[] {
  if (outcome === 'pass') return [];
  if (outcome === 'unknown') return [UNKNOWN];
  const denies = lines.filter(({ effect, certain }) => effect === 'deny' && certain).map(({ line }) => line);
  return denies.length === 0 ? ['no line allows it'] : [`denied by line ${denies.slice(0, 20).join(', ')}`];
}
