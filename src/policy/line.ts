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

type ColumnsOf<N extends readonly string[]> = { readonly [K in keyof N]: string };

function haveColumns<N extends readonly string[]>(columns: readonly string[], names: N): columns is ColumnsOf<N> {
  return columns.length === names.length;
}

const asIs = (text: string): string => text;

/**
 * Undefined where it is not a `p` line of exactly eight columns. `share` may give one string for equal strings: of the columns that
 * many lines have in common there is then one copy, found by its address.
 */
export function ruleOf(line: PolicyLine, share: (text: string) => string = asIs): Rule | undefined {
  const { type, columns } = line;
  if (type !== 'p' || !haveColumns(columns, P_COLUMNS)) return undefined;
  const [who, tenant, source, act, label, trust, purpose, eft] = columns;
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
    row: [...columns],
    terms: share(`${eft}\n${label}\n${trust}`),
  };
}

/** Undefined where it is not a `g` line of exactly three columns. */
export function membershipOf(line: PolicyLine): Membership | undefined {
  const { type, columns } = line;
  if (type !== 'g' || !haveColumns(columns, G_COLUMNS)) return undefined;
  const [member, role, tenant] = columns;
  return { line: line.line, member, role, tenant };
}

/** Decided for the tenant as a whole: such a line has `*` as its source, label and trust. */
export const WHOLE_TENANT_ACTIONS: ReadonlySet<Action> = new Set(['administer', 'operate']);
/** An allow line may have `*` as its label here, because no text is read and none written. */
export const TEXTLESS_ACTIONS: ReadonlySet<Action> = new Set(['administer', 'operate', 'request']);
