import { LRUCache } from 'lru-cache';
import { AppError } from '../core/errors.ts';
import type { Action } from '../core/policy-lines.ts';
import type { RefusalReason, Verdict } from '../core/ports/policy.ts';
import type { PolicyObject } from '../core/zone.ts';
import { casbinJudge, type CasbinJudge } from './casbin-judge.ts';
import type { PolicyFunctions } from './functions.ts';
import type { Rule } from './line.ts';
import type { ModelFactory } from './model.ts';
import type { Party, Standing } from './standing.ts';
import type { Effect } from './terms.ts';

export const refuse = (reason: RefusalReason): Verdict => ({ kind: 'refuse', reason });

export interface Question {
  readonly object: PolicyObject;
  readonly action: Action;
  readonly purpose: string;
}

/** Key two at one revision. Fails with `policy_unavailable` where Casbin does. */
export interface SecondKey {
  verdict(standing: Standing, question: Question): Verdict;
}

/** Casbin over the lines that name something the party holds, this action and a pattern that covers this source. */
interface Bench {
  readonly rules: readonly Rule[];
  readonly judge: CasbinJudge;
}

// An enforcer keeps its parsed model and matcher, some tens of kilobytes; a row is shared with the index.
const ENFORCER_SIZE = 200;
const MAX_BENCH_SIZE = 100_000;

/** Allows the actor everything, so that with its deny lines Casbin answers whether one of them speaks. */
function actorBaseline({ subject }: Party, { object, action }: Question): string[][] {
  return [...subject.held].slice(0, 1).map((who) => [who, object.tenant, '*', action, '*', '*', '*', 'allow']);
}

export function secondKey(model: ModelFactory, functions: PolicyFunctions): SecondKey {
  const benches = new LRUCache<string, Bench>({ maxSize: MAX_BENCH_SIZE, sizeCalculation: ({ rules }) => ENFORCER_SIZE + rules.length });

  const benchOf = (party: Party, question: Question, baseline: readonly string[][]): Bench => {
    const key = `${question.action}\n${party.key}\n${question.object.source}`;
    const known = benches.get(key);
    if (known !== undefined) return known;
    const rules = party.rules(question.action).filter((rule) => functions.covers(rule.source, question.object.source));
    const bench = { rules, judge: casbinJudge(model, functions, [...baseline, ...rules.map((rule) => rule.row)]) };
    benches.set(key, bench);
    return bench;
  };

  const permitted = (party: Party, question: Question, baseline: readonly string[][] = []): boolean =>
    benchOf(party, question, baseline).judge(party.subject, question.object, question.action, question.purpose);

  const speaking = (party: Party, question: Question, eft: Effect): readonly Rule[] => {
    if (party.subject.tenant !== question.object.tenant) return [];
    const speaks = (rule: Rule): boolean =>
      rule.eft === eft &&
      functions.serves(rule.purpose, question.purpose) &&
      functions.speaks(rule.eft, rule.label, rule.trust, question.object);
    return benchOf(party, question, []).rules.filter(speaks);
  };

  // User, client and actor are asked about one by one, and all must pass. Lines are read again only to name them.
  const judge = (standing: Standing, question: Question): Verdict => {
    const users = standing.user.kind === 'party' ? [standing.user.party] : [];
    const actors = standing.actor.kind === 'party' ? [standing.actor.party] : [];
    const user = users.every((party) => permitted(party, question));
    const client = permitted(standing.client, question);
    const actor = actors.every((party) => permitted(party, question, actorBaseline(party, question)));
    const rights = [...users, standing.client];
    if (user && client && actor) {
      const rules = rights.flatMap((party) => speaking(party, question, 'allow'));
      return { kind: 'permit', rules: [...new Set(rules.map((rule) => `line:${rule.line}`))] };
    }
    if (!actor || rights.some((party) => speaking(party, question, 'deny').length > 0)) return refuse('denied');
    return refuse(user ? 'client-not-permitted' : 'user-not-permitted');
  };

  return {
    verdict(standing, question) {
      try {
        return judge(standing, question);
      } catch (error) {
        throw new AppError('policy_unavailable', { detail: 'Casbin could not judge', cause: error });
      }
    },
  };
}
