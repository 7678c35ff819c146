import { AppError } from '../../core/errors.ts';

/**
 * What Qdrant takes behind the question mark. They are checked as Qdrant checks them and change nothing: every write is waited for and in
 * order, and every read is of what was acknowledged. Others are passed over, as there.
 */
const PARAMETERS: Readonly<Record<string, readonly [RegExp, string]>> = {
  wait: [/^(?:true|false)$/, 'provided string was not `true` or `false`'],
  ordering: [/^(?:weak|medium|strong)$/, 'unknown ordering, expected one of `weak`, `medium`, `strong`'],
  consistency: [/^(?:\d{1,19}|majority|quorum|all)$/, 'failed to deserialize read consistency query parameter value'],
  timeout: [/^0*[1-9]\d{0,18}$/, 'invalid timeout, expected a nonzero u64'],
};

/** Fails with `invalid_request`. */
export function checkParameters(url: string): void {
  const mark = url.indexOf('?');
  if (mark === -1) return;
  for (const [name, value] of new URLSearchParams(url.slice(mark + 1))) {
    const rule = Object.hasOwn(PARAMETERS, name) ? PARAMETERS[name] : undefined;
    if (rule === undefined || rule[0].test(value)) continue;
    throw new AppError('invalid_request', { issues: [{ pointer: 'query', message: `Deserialize error in query parameters: ${rule[1]}` }] });
  }
}
