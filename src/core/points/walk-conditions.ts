import type { FormulaTerm, PointCondition, PointFilter } from './question.ts';

type Clause = 'must' | 'should' | 'must_not';
const CLAUSES: readonly Clause[] = ['must', 'should', 'must_not'];

/** The same filter with other ids. */
export function mapFilter<A, B>(filter: PointFilter<A>, ids: (ids: readonly A[]) => readonly B[]): PointFilter<B> {
  const lists = CLAUSES.filter((name) => filter[name] !== undefined).map((name) => [name, mapAll(filter[name] ?? [], ids)] as const);
  const few = filter.min_should;
  return {
    ...(Object.fromEntries(lists) as PointFilter<B>),
    ...(few === undefined ? {} : { min_should: { conditions: mapAll(few.conditions, ids), min_count: few.min_count } }),
  };
}

function mapAll<A, B>(conditions: readonly PointCondition<A>[], ids: (ids: readonly A[]) => readonly B[]): readonly PointCondition<B>[] {
  return conditions.map((condition) => mapCondition(condition, ids));
}

/** The same condition with other ids. */
export function mapCondition<A, B>(condition: PointCondition<A>, ids: (ids: readonly A[]) => readonly B[]): PointCondition<B> {
  switch (condition.kind) {
    case 'filter':
      return { kind: 'filter', filter: mapFilter(condition.filter, ids) };
    case 'nested':
      return { kind: 'nested', key: condition.key, filter: mapFilter(condition.filter, ids) };
    case 'has-id':
      return { kind: 'has-id', ids: ids(condition.ids) };
    case 'has-vector':
    case 'field':
      return condition;
  }
}

/** The same formula with other ids. */
export function mapTerm<A, B>(term: FormulaTerm<A>, ids: (ids: readonly A[]) => readonly B[]): FormulaTerm<B> {
  switch (term.kind) {
    case 'plain':
      return term;
    case 'condition':
      return { kind: 'condition', condition: mapCondition(term.condition, ids) };
    case 'operation':
      return { kind: 'operation', name: term.name, terms: term.terms.map((inner) => mapTerm(inner, ids)) };
    case 'record':
      return {
        kind: 'record',
        members: Object.fromEntries(Object.entries(term.members).map(([name, inner]) => [name, mapTerm(inner, ids)])),
      };
  }
}

/** Every condition of a filter at every depth, with what stands in nested ones. */
export function* conditionsOf<Id>(filter: PointFilter<Id> | undefined): Generator<PointCondition<Id>> {
  if (filter === undefined) return;
  for (const name of CLAUSES) for (const condition of filter[name] ?? []) yield* conditionTree(condition);
  for (const condition of filter.min_should?.conditions ?? []) yield* conditionTree(condition);
}

function* conditionTree<Id>(condition: PointCondition<Id>): Generator<PointCondition<Id>> {
  yield condition;
  if (condition.kind === 'filter' || condition.kind === 'nested') yield* conditionsOf(condition.filter);
}

/** Every plain value and every condition of a formula. */
export function* leavesOf<Id>(term: FormulaTerm<Id>): Generator<FormulaTerm<Id>> {
  if (term.kind === 'operation') for (const inner of term.terms) yield* leavesOf(inner);
  else if (term.kind === 'record') for (const inner of Object.values(term.members)) yield* leavesOf(inner);
  else yield term;
}

/** The conditions of a formula, each with what stands in it. */
export function* conditionsInTerm<Id>(term: FormulaTerm<Id>): Generator<PointCondition<Id>> {
  for (const leaf of leavesOf(term)) if (leaf.kind === 'condition') yield* conditionTree(leaf.condition);
}
