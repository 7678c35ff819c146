import { AppError, type ErrorCode } from '../../core/errors.ts';
import type { Change, ReadCatalog } from '../../core/ports/catalog.ts';
import type { DirectoryCatalog } from '../../core/ports/directory.ts';
import type { DirectorySubjects, IssuerSummary } from '../../core/ports/identity.ts';
import type { PolicyPort } from '../../core/ports/policy.ts';
import { presence } from '../../core/presence.ts';
import type { TenantId } from '../../core/ids.ts';
import type { Principal } from '../../core/principal.ts';
import { deniedName, isDeniedByPolicy } from '../../core/renames.ts';
import { changeBy, type RequestContext } from '../../core/request-context.ts';

export interface DirectoryParts {
  readonly catalog: ReadCatalog & DirectoryCatalog;
  readonly policy: PolicyPort;
  readonly issuers: readonly IssuerSummary[];
  /** A UUID that was never given before. */
  readonly newId: () => string;
  /** Asks for documents to be looked at again whose denies named somebody unknown. */
  readonly mend: () => void;
}

/** One directory, opened by somebody who may administer its tenant. */
export interface OpenDirectory {
  readonly tenant: TenantId;
  readonly issuer: string;
  readonly subjects: DirectorySubjects;
  readonly change: Change;
  /** Fails with `invalid_request` where policy or a switch denies a name that an entry is about to give up. */
  readonly demandNotDenied: (name: Principal) => void;
}

/**
 * Which directory a caller works on: the named issuer's; else their own issuer's, where that leaves its directory to Sluice, so that
 * a provider's client writes its own provider's; else the only one of the tenant.
 * Fails with `forbidden` for whoever may not administer the tenant, `not_found` where it has no such directory, and `invalid_request`
 * where it has several and none is meant.
 */
export async function openDirectory(parts: DirectoryParts, context: RequestContext, named?: string): Promise<OpenDirectory> {
  const { caller, view } = await presence(parts.catalog, context.caller);
  if (parts.policy.permitsTenant(view, caller, 'administer').kind !== 'permit') throw new AppError('forbidden');
  const held = parts.issuers.filter(({ directory, tenants }) => directory !== undefined && tenants.includes(caller.tenant));
  const own = held.find(({ name }) => name === caller.issuer);
  const found = named === undefined ? (own ?? only(held)) : held.find(({ name }) => name === named);
  if (found?.directory === undefined) throw new AppError('not_found');
  const demandNotDenied = (name: Principal): void => {
    if (isDeniedByPolicy(view.policy.lines, name)) throw deniedName('policy');
    if (view.off.principals.has(name)) throw deniedName('a switch');
  };
  const change = changeBy(context);
  return { tenant: caller.tenant, issuer: found.name, subjects: found.directory, change, demandNotDenied };
}

function only(held: readonly IssuerSummary[]): IssuerSummary | undefined {
  if (held.length < 2) return held[0];
  const message = `names no issuer, and there are several directories: ${held.map(({ name }) => name).join(', ')}`;
  throw new AppError('invalid_request', { issues: [{ pointer: '/issuer', message }] });
}

const MAX_TRIES = 4;

/** Runs again on `conflict`, with everything read anew: somebody else's write came between. */
export async function withRetries<T>(signal: AbortSignal, run: () => Promise<T>, codes: readonly ErrorCode[] = ['conflict']): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof AppError) || !codes.includes(error.code) || attempt === MAX_TRIES) throw error;
    }
  }
}
