import { AppError } from '../core/errors.ts';
import { policyCsv, policyRevision, type PolicyLine, type PolicyRevision } from '../core/policy-lines.ts';
import type { ReadCatalog, TenantAdmin } from '../core/ports/catalog.ts';
import type { PolicyPort, PolicyProblem } from '../core/ports/policy.ts';
import { presence, type Presence } from '../core/presence.ts';
import { parsePrincipal, principalParts } from '../core/principal.ts';
import type { RequestContext } from '../core/request-context.ts';

export interface PolicyRevisionParts {
  readonly catalog: ReadCatalog & TenantAdmin;
  readonly policy: PolicyPort;
  /** Short names of the configured issuers. */
  readonly issuers: readonly string[];
  /** The strict reader of `policy.csv`. */
  readonly parse: (text: string) => { readonly lines: readonly PolicyLine[]; readonly problems: readonly PolicyProblem[] };
}

export interface PolicyRevisionResource {
  readonly revision: string;
  /** Its lines as `policy.csv`. */
  readonly policy: string;
}

export interface PolicyRevisions {
  /** What is in force. Fails with `forbidden` for whoever may not administer the tenant. */
  active(context: RequestContext): Promise<PolicyRevisionResource>;
  /**
   * Checks, stores and activates a revision, for every request that starts afterwards, on every replica. `parent` is the
   * revision it was written against: `conflict` where another is active by now, `invalid_policy` with the lines that are
   * wrong, or where it would take the publisher's own right to administer away.
   */
  publish(context: RequestContext, body: { readonly policy: string; readonly parent: string }): Promise<PolicyRevisionResource>;
}

export function createPolicyRevisions({ catalog, policy, issuers, parse }: PolicyRevisionParts): PolicyRevisions {
  async function administered(context: RequestContext): Promise<Presence> {
    const here = await presence(catalog, context.caller);
    const { caller, view } = here;
    if (policy.permitsTenant(view, caller, 'administer').kind !== 'permit') throw new AppError('forbidden');
    return here;
  }

  return {
    active: async (context) => resource((await administered(context)).view.policy),

    async publish(context, { policy: text, parent }) {
      const { requestId } = context;
      const { caller, view } = await administered(context);
      const { lines, problems } = parse(text);
      refuse(problems);
      refuse(policy.check(caller.tenant, lines));
      refuse(lines.flatMap((line) => unknownIssuer(line, issuers)));
      const revision = policyRevision(lines);
      if (policy.permitsTenant({ ...view, policy: revision }, caller, 'administer').kind !== 'permit') {
        refuse([{ line: 0, message: 'nobody may publish a policy under which they could not publish the next one' }]);
      }
      if (revision.id === view.policy.id && parent === revision.id) return resource(revision);
      const by = caller.user.kind === 'user' ? caller.user.principal : caller.client;
      await catalog.activatePolicy(caller.tenant, revision, parent, { requestId, by, through: caller.client });
      return resource(revision);
    },
  };
}

/** A policy of a hundred thousand wrong lines must not become an answer of as many places. */
const MAX_SHOWN = 100;

/** A deny that names nobody would fail open, and a grant that names nobody is a mistake. Who or member is the first column. */
function unknownIssuer({ columns: [who = ''], line }: PolicyLine, issuers: readonly string[]): readonly PolicyProblem[] {
  const named = parsePrincipal(who);
  const issuer = named === undefined ? undefined : principalParts(named)?.issuer;
  if (issuer === undefined || issuers.includes(issuer)) return [];
  return [{ line, message: `names an issuer that is not configured; use one of: ${issuers.join(', ')}` }];
}

function refuse(problems: readonly PolicyProblem[]): void {
  if (problems.length === 0) return;
  throw new AppError('invalid_policy', {
    issues: problems.slice(0, MAX_SHOWN).map(({ line, message }) => ({ pointer: `/policy line ${line}`, message })),
  });
}

function resource({ id, lines }: PolicyRevision): PolicyRevisionResource {
  return { revision: id, policy: policyCsv(lines) };
}
