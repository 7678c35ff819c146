import type { Caller } from '../core/caller.ts';
import { AppError } from '../core/errors.ts';
import type { SourceId } from '../core/ids.ts';
import { parseSourceId } from '../core/ids.ts';
import { neutralLabel, type Label } from '../core/label.ts';
import type { ReadCatalog, TenantView } from '../core/ports/catalog.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import type { Action } from '../core/policy-lines.ts';
import { presence } from '../core/presence.ts';
import { effectiveZone, type Source } from '../core/zone.ts';
import type { RequestContext } from './types.ts';

export interface AuthorityParts {
  readonly catalog: ReadCatalog;
  readonly policy: PolicyPort;
}

/** A caller's rights over one tenant, as policy says them now. Made new for every request. */
export interface Authority {
  readonly view: TenantView;
  /** Who asks, with the groups of this moment; never the caller of the context, who may lack the directory's. */
  readonly caller: Caller;
  /** Over the source as a whole, or over it with a document's declared label joined in. */
  may(action: Action, source: Source, declared?: Label): boolean;
  /** The live source, where the caller holds at least one of the actions; else `not_found`, whether it exists or not. */
  source(id: string, ...anyOf: readonly Action[]): Source;
}

/** Actions that let somebody know that a source exists. */
export const SEEING: readonly Action[] = ['ingest', 'label', 'request', 'approve', 'audit'];

export async function authorityOf(parts: AuthorityParts, context: RequestContext): Promise<Authority> {
  const { caller, view } = await presence(parts.catalog, context.caller);
  const judged = new Map<string, boolean>();
  // One view, one answer: a batch of points asks the same of each.
  const may: Authority['may'] = (action, source, declared) => {
    const question = JSON.stringify([action, source.id, declared ?? null]);
    const answer = judged.get(question) ?? ask(action, source, declared);
    judged.set(question, answer);
    return answer;
  };
  const ask: Authority['may'] = (action, source, declared) => {
    const object = effectiveZone(view.scheme, source, declared ?? neutralLabel(view.scheme));
    // Whether somebody may write into a source at all is whether there is any trust at which they may.
    if (action === 'ingest' && declared === undefined) return parts.policy.writerTrust(view, caller, object).kind === 'trust';
    return parts.policy.permits(view, caller, action, object).kind === 'permit';
  };
  return {
    view,
    caller,
    may,
    source(id, ...anyOf) {
      const source = findSource(view, id);
      if (source === undefined || !anyOf.some((action) => may(action, source))) throw new AppError('not_found');
      return source;
    },
  };
}

function findSource(view: TenantView, text: string): Source | undefined {
  const id: SourceId | undefined = parseSourceId(text);
  const source = id === undefined ? undefined : view.sources.get(id);
  return source?.state === 'live' ? source : undefined;
}
