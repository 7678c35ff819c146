import { AppError } from './errors.ts';
import type { PolicyLine } from './policy-lines.ts';
import type { Principal } from './principal.ts';

/**
 * Denies are names. Under a new one, or without it, the same people would slip from under a deny that nobody took away, so an entry of
 * the directory keeps its name, and a group is not deleted, for as long as a deny names it. People may be deleted: they are refused.
 */
export function deniedName(by: 'the ACL of a document' | 'policy' | 'a switch'): AppError {
  const message = `is the name by which ${by} denies; take the deny away first`;
  return new AppError('invalid_request', { issues: [{ pointer: '', message }] });
}

/** Whether a deny line reaches whoever goes by this name, itself or through roles. */
export function isDeniedByPolicy(lines: readonly PolicyLine[], name: Principal): boolean {
  const names = new Set<string>([name]);
  // A set gives what is added while it is walked.
  for (const one of names) {
    for (const { type, columns } of lines) if (type === 'g' && columns[0] === one) names.add(columns[1] ?? '');
  }
  return lines.some(({ type, columns }) => type === 'p' && columns.at(-1) === 'deny' && names.has(columns[0] ?? ''));
}
