import { appendFileSync } from 'node:fs';

/** `npm run verify:long` sets it: every suite runs its full count instead of the share that CI has time for. */
export const LONG = process.env['SLUICE_VERIFY'] === 'long';

/** Every mutant of `npm run mutation` runs the suites anew, so a few tries each have to do. */
const MUTATION = process.env['SLUICE_VERIFY'] === 'mutation';

/** How often a suite tries: `share` in CI, `full` in `npm run verify:long`, at most `few` for a mutant. */
export function trials(share: number, full: number, few = 25): number {
  if (MUTATION) return Math.min(share, few);
  return LONG ? full : share;
}

/** Notes what a suite measured, a line of Markdown table for docs/security.md. Writes nothing outside `npm run verify:long`. */
export function figure(suite: string, result: string): void {
  const file = process.env['SLUICE_VERIFY_REPORT'];
  if (file !== undefined) appendFileSync(file, `| ${suite} | ${result} |\n`);
}
