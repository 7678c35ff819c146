import type { Action } from '../core/policy-lines.ts';
import { AppError } from '../core/errors.ts';
import type { RefusalReason, Verdict } from '../core/ports/policy.ts';
import type { PolicyObject } from '../core/zone.ts';
import type { PolicyFunctions } from './functions.ts';
import type { Rule } from './line.ts';
import type { Party, Standing } from './standing.ts';

export const refuse = (reason: RefusalReason): Verdict => ({ kind: 'refuse', reason });

interface Question {
  readonly object: PolicyObject;
  readonly action: Action;
  readonly purpose: string;
}

function speaking(functions: PolicyFunctions, party: Party, question: Question, eft: Rule['eft']): readonly Rule[] {
  const { object, action, purpose } = question;
  if (party.subject.tenant !== object.tenant) return [];
  return party
    .rules(action)
    .filter(
      (rule) =>
        rule.eft === eft &&
        functions.serves(rule.purpose, purpose) &&
        functions.covers(rule.source, object.source) &&
        functions.speaks(rule.eft, rule.label, rule.trust, object),
    );
}

function whyRefused(functions: PolicyFunctions, parties: readonly Party[], question: Question, user: boolean): RefusalReason {
  if (parties.some((party) => speaking(functions, party, question, 'deny').length > 0)) return 'denied';
  return user ? 'client-not-permitted' : 'user-not-permitted';
}

/**
 * Key two: Casbin is asked about the user, the client and the actor, one by one, and all must pass. The lines are then read
 * again only to say which of them it was. Fails with `policy_unavailable` where Casbin does.
 */
export function casbinVerdict(functions: PolicyFunctions, standing: Standing, question: Question): Verdict {
  const { object, action, purpose } = question;
  const users = standing.user.kind === 'party' ? [standing.user.party] : [];
  const actors = standing.actor.kind === 'party' ? [standing.actor.party] : [];
  try {
    const user = users.every((party) => party.permitted(object, action, purpose));
    const client = standing.client.permitted(object, action, purpose);
    const actor = actors.every((party) => party.permitted(object, action, purpose));
    if (!user || !client || !actor) {
      return refuse(whyRefused(functions, [...users, standing.client, ...actors], question, user));
    }
    const rules = [...users, standing.client].flatMap((party) => speaking(functions, party, question, 'allow'));
    return { kind: 'permit', rules: [...new Set(rules.map((rule) => `line:${rule.line}`))] };
  } catch (error) {
    throw new AppError('policy_unavailable', { detail: 'Casbin could not judge', cause: error });
  }
}
