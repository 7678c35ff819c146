import { Enforcer } from 'casbin';
import type { PolicyObject } from '../core/zone.ts';
import type { PolicyFunctions, Subject } from './functions.ts';
import type { ModelFactory } from './model.ts';

/** Casbin's own answer about one subject and one object. Synchronous throughout: asynchronous `enforce` races with edits. */
export type CasbinJudge = (subject: Subject, object: PolicyObject, action: string, purpose: string) => boolean;

/**
 * An enforcer of its own for one set of rows, which are never changed afterwards: Casbin keeps half a policy when a reload
 * fails, and none while it runs. The rows go straight into the model, past Casbin's lenient CSV reader.
 */
export function casbinJudge(model: ModelFactory, functions: PolicyFunctions, rows: readonly string[][]): CasbinJudge {
  // Without rows Casbin evaluates the matcher once with every column empty.
  if (rows.length === 0) return () => false;
  const filled = model();
  const definition = filled.model.get('p')?.get('p');
  if (definition === undefined) throw new Error('the model has no policy definition');
  definition.policy = [...rows];
  const enforcer = new Enforcer();
  enforcer.setModel(filled);
  // `addFunction` is declared asynchronous and finishes before it returns. A second one of the same name would be ignored.
  for (const name of ['holds', 'serves', 'covers', 'speaks'] as const) void enforcer.addFunction(name, functions[name]);
  return (subject, object, action, purpose) => {
    // Whatever Casbin's type says: a promise is truthy.
    const answer: unknown = enforcer.enforceSync(subject, object, action, purpose);
    return answer === true;
  };
}
