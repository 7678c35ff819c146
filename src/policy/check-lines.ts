import { parseSourceId, parseTenantId } from '../core/ids.ts';
import { ACTIONS, type Action, type PolicyLine } from '../core/policy-lines.ts';
import type { PolicyProblem } from '../core/ports/policy.ts';
import { parsePrincipal } from '../core/principal.ts';
import { G_COLUMNS, membershipOf, P_COLUMNS, ruleOf, TEXTLESS_ACTIONS, WHOLE_TENANT_ACTIONS, type Membership, type Rule } from './line.ts';
import { cyclicMemberships } from './role-cycles.ts';
import { parseEffect, parseLabelTerm, parseTrustTerm, type Effect, type TrustTerm } from './terms.ts';
import type { Vocabulary } from './vocabulary.ts';

const ROLE = /^role:[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

function isRole(name: string): boolean {
  return ROLE.test(name);
}

function nameProblem(name: string): string | undefined {
  if (isRole(name) || parsePrincipal(name) !== undefined) return undefined;
  return `"who" must be user:<issuer>|<id>, group:…, client:…, everyone, everyone-except-guests or role:<name>`;
}

function tenantProblem(tenant: string, expected: string): string | undefined {
  if (parseTenantId(tenant) === undefined) return 'the tenant must be one tenant by name; there is no wildcard';
  return tenant === expected ? undefined : `the line is for another tenant; this policy is of "${expected}"`;
}

function sourceProblem(source: string, action: Action): string | undefined {
  if (WHOLE_TENANT_ACTIONS.has(action)) {
    return source === '*' ? undefined : `"${action}" is decided for the tenant as a whole; write * as the source`;
  }
  const stem = source.endsWith('*') ? source.slice(0, -1) : source;
  const valid = stem === '' ? source === '*' : parseSourceId(stem) !== undefined;
  return valid ? undefined : 'the source must be a source id, or the start of one with a single * at its end';
}

function labelProblem(vocabulary: Vocabulary, eft: Effect, action: Action, label: string): string | undefined {
  if (WHOLE_TENANT_ACTIONS.has(action)) return label === '*' ? undefined : `"${action}" reads no label; write * as the label`;
  if (eft === 'allow' && label === '*' && !TEXTLESS_ACTIONS.has(action)) {
    return `"${action}" needs a ceiling: upto:<level> with +<compartment> for each one it is cleared for`;
  }
  if (parseLabelTerm(vocabulary.scheme, eft, label) !== undefined) return undefined;
  const levels = vocabulary.scheme.levels.join(', ');
  return eft === 'allow'
    ? `the label of an allow line is upto:<level>[+<compartment>…]; levels: ${levels}`
    : `the label of a deny line is *, from:<level>, any:<compartment>[+…], or both joined by |; levels: ${levels}`;
}

function trustFormFits(term: TrustTerm, action: Action): boolean {
  if (term.kind === 'any') return true;
  if (WHOLE_TENANT_ACTIONS.has(action)) return false;
  // A floor would let a writer who is trusted little declare high trust; see docs/decisions/0010-writer-trust.md.
  if (term.kind === 'min') return action !== 'ingest';
  return term.kind === 'as' ? action === 'ingest' : true;
}

function trustProblem(eft: Effect, action: Action, trust: string): string | undefined {
  const term = parseTrustTerm(eft, trust);
  if (term !== undefined && trustFormFits(term, action)) return undefined;
  if (WHOLE_TENANT_ACTIONS.has(action)) return `"${action}" reads no trust; write * as the trust`;
  if (eft === 'deny') return 'the trust of a deny line is * or max:<trust>; trust: external, internal, trusted';
  return action === 'ingest'
    ? 'the trust of an ingest line is * or as:<trust>, the highest its writer may give; trust: external, internal, trusted'
    : 'the trust of an allow line is * or min:<trust> (as:<trust> only for ingest); trust: external, internal, trusted';
}

function purposeProblem(vocabulary: Vocabulary, eft: Effect, purpose: string): string | undefined {
  if (purpose === '*') return undefined;
  // Callers name their own purpose, so a deny for one purpose is escaped by naming another.
  if (eft === 'deny') return 'the purpose of a deny line must be *';
  return vocabulary.purposes.includes(purpose) ? undefined : `the purpose must be * or one of: ${vocabulary.purposes.join(', ')}`;
}

/** What is wrong with the columns that many lines have in common, found once for each combination of them. */
type CommonProblems = (rule: Rule, eft: Effect, action: Action) => readonly (string | undefined)[];

function commonProblems(vocabulary: Vocabulary): CommonProblems {
  const known = new Map<string, readonly (string | undefined)[]>();
  return (rule, eft, action) => {
    const key = `${action}\n${rule.purpose}\n${rule.terms}`;
    const found = known.get(key) ?? [
      labelProblem(vocabulary, eft, action, rule.label),
      trustProblem(eft, action, rule.trust),
      purposeProblem(vocabulary, eft, rule.purpose),
    ];
    known.set(key, found);
    return found;
  };
}

function ruleProblems(common: CommonProblems, tenant: string, rule: Rule): readonly (string | undefined)[] {
  const eft = parseEffect(rule.eft);
  const action = ACTIONS.find((name) => name === rule.act);
  const first = [
    nameProblem(rule.who),
    tenantProblem(rule.tenant, tenant),
    eft === undefined ? 'the last column must be allow or deny' : undefined,
    action === undefined ? `the action must be one of: ${ACTIONS.join(', ')}` : undefined,
  ];
  if (eft === undefined || action === undefined) return first;
  return [...first, sourceProblem(rule.source, action), ...common(rule, eft, action)];
}

function membershipProblems(tenant: string, membership: Membership): readonly (string | undefined)[] {
  return [
    nameProblem(membership.member),
    isRole(membership.role) ? undefined : 'the second column of g must be role:<name>',
    tenantProblem(membership.tenant, tenant),
  ];
}

function lineProblems(common: CommonProblems, tenant: string, line: PolicyLine): readonly (string | undefined)[] {
  const rule = ruleOf(line);
  if (rule !== undefined) return ruleProblems(common, tenant, rule);
  const membership = membershipOf(line);
  if (membership !== undefined) return membershipProblems(tenant, membership);
  return [`a p line takes ${P_COLUMNS.length} columns and a g line ${G_COLUMNS.length}; write each one`];
}

/** Everything that keeps lines from being activated for the tenant, in line order; empty where they may be. */
export function checkLines(vocabulary: Vocabulary, tenant: string, lines: readonly PolicyLine[]): readonly PolicyProblem[] {
  const common = commonProblems(vocabulary);
  const found = lines.flatMap((line) =>
    lineProblems(common, tenant, line).flatMap((message) => (message === undefined ? [] : [{ line: line.line, message }])),
  );
  const memberships = lines.flatMap((line) => membershipOf(line) ?? []);
  const cycles = cyclicMemberships(memberships).map(({ line }) => ({
    line,
    message: 'this role is held, through other lines, by itself; remove one line of the circle',
  }));
  return [...found, ...cycles].sort((a, b) => a.line - b.line);
}
