import type { Action, PolicyLine } from '../core/policy-lines.ts';

/** Columns after the type. */
export const P_COLUMNS = ['who', 'tenant', 'source', 'act', 'label', 'trust', 'purpose', 'eft'] as const;
export const G_COLUMNS = ['member', 'role', 'tenant'] as const;

export type Rule = { readonly [K in (typeof P_COLUMNS)[number]]: string } & {
  readonly line: number;
  /** The columns as Casbin gets them; one array a line, shared by every enforcer that holds it. */
  readonly row: string[];
  /** Effect, label and trust as one text: few in a policy, each read and compared with the zones once. */
  readonly terms: string;
};
export type Membership = { readonly [K in (typeof G_COLUMNS)[number]]: string } & { readonly line: number };

function columnsMatch(line: PolicyLine, names: readonly string[]): boolean {
  return line.columns.length === names.length;
}

const asIs = (text: string): string => text;

/**
 * Undefined where it is not a `p` line of exactly eight columns. `share` may give one string for equal strings: of the columns that
 * many lines have in common there is then one copy, found by its address.
 */
export function ruleOf(line: PolicyLine, share: (text: string) => string = asIs): Rule | undefined {
  if (line.type !== 'p' || !columnsMatch(line, P_COLUMNS)) return undefined;
  const [who = '', tenant = '', source = '', act = '', label = '', trust = '', purpose = '', eft = ''] = line.columns;
  return {
    line: line.line,
    who,
    tenant,
    source: share(source),
    act,
    label,
    trust,
    purpose,
    eft,
    row: [...line.columns],
    terms: share(`${eft}\n${label}\n${trust}`),
  };
}

/** Undefined where it is not a `g` line of exactly three columns. */
export function membershipOf(line: PolicyLine): Membership | undefined {
  if (line.type !== 'g' || !columnsMatch(line, G_COLUMNS)) return undefined;
  const [member = '', role = '', tenant = ''] = line.columns;
  return { line: line.line, member, role, tenant };
}

/** Decided for the tenant as a whole: such a line has `*` as its source, label and trust. */
export const WHOLE_TENANT_ACTIONS: ReadonlySet<Action> = new Set(['administer', 'operate']);
/** An allow line may have `*` as its label here, because no text is read and none written. */
export const TEXTLESS_ACTIONS: ReadonlySet<Action> = new Set(['administer', 'operate', 'request']);
