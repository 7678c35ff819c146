import { userInfo } from 'node:os';
import { uuidOf } from '../core/digest.ts';
import type { Change } from '../core/ports/catalog.ts';
import { principal, type Principal } from '../core/principal.ts';

/** Stands where an issuer's short name would: nobody vouched for this person but the machine. */
const MACHINE = 'machine';

/** Who did something on the machine itself, for the audit: the account of the operating system, through the command line. */
export function operatorChange(what: string, at: number): Change {
  const by = principal('user', MACHINE, accountName()) ?? principal('user', MACHINE, 'unknown');
  const through = principal('client', MACHINE, 'sluice');
  if (by === undefined || through === undefined) throw new Error('the operator cannot be named');
  return { requestId: localRequestId(what, at), by: by satisfies Principal, through };
}

/** What the service did unasked. */
export function serviceChange(what: string, at: number): Change {
  const itself = principal('client', MACHINE, 'sluice');
  if (itself === undefined) throw new Error('the service cannot be named');
  return { requestId: localRequestId(what, at), by: itself, through: itself };
}

/** An id for what is done on the machine rather than by a request. */
function localRequestId(what: string, at: number): string {
  return uuidOf('local', what, at);
}

function accountName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a number that has no name.
    return String(process.getuid?.() ?? 'unknown');
  }
}
