import { usage } from './failure.ts';

/** What `--reason` says. Fails as wrong usage where it says nothing. */
export function reasonOf({ reason }: { readonly reason?: string }): string {
  if (reason === undefined || reason.trim() === '') throw usage('say why, with --reason');
  return reason;
}
