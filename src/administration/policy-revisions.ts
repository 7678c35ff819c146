import { AppError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import { policyCsv, policyRevision, type PolicyLine, type PolicyRevision } from '../core/policy-lines.ts';
import type { ReadCatalog } from '../core/ports/catalog.ts';
import type { TenantAdmin } from '../core/ports/tenants.ts';
import type { RevisionCatalog, RevisionFacts } from '../core/ports/revisions.ts';
import type { PolicyPort, PolicyProblem } from '../core/ports/policy.ts';
import { presence, type Presence } from '../core/presence.ts';
import { parsePrincipal, principalParts } from '../core/principal.ts';
import { changeBy, type RequestContext } from '../core/request-context.ts';

export interface PolicyRevisionParts {
  readonly catalog: ReadCatalog & TenantAdmin & RevisionCatalog;
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

/** A revision among others. Times are ISO 8601, database time. */
export interface RevisionSummary {
  readonly revision: string;
  readonly parent: string | null;
  readonly author: string;
  readonly at: string;
  readonly active: boolean;
  /** How often it came into force. */
  readonly activations: number;
}

/** What is in force, as ever, and a page of what is stored. `policy` comes with the first page only. */
export interface RevisionPage {
  readonly revision: string;
  readonly policy?: string;
  readonly revisions: readonly RevisionSummary[];
  readonly next?: string;
}

export interface RevisionDetail extends RevisionSummary, PolicyRevisionResource {
  /** Whether it is decided by beside the active one. */
  readonly shadow: boolean;
  /** When it was in force, newest first, at most 100. */
  readonly history: readonly { readonly from: string; readonly to?: string; readonly by: string }[];
}

export interface PolicyRevisions {
  /** Newest first, at most `limit`. Fails as `active`. */
  list(context: RequestContext, page: { readonly after?: string | undefined; readonly limit: number }): Promise<RevisionPage>;
  /** Fails with `not_found` where there is none of that name, and as `active`. */
  detail(context: RequestContext, revision: string): Promise<RevisionDetail>;
  /** Checks a stored revision as `publish` does and puts it into force: `conflict` unless `replaces` is in force. */
  activate(context: RequestContext, revision: string, replaces: string): Promise<PolicyRevisionResource>;
  /** What is in force. Fails with `forbidden` for whoever may not administer the tenant. */
  active(context: RequestContext): Promise<PolicyRevisionResource>;
  /**
   * Checks, stores and activates a revision, for every request that starts afterwards, on every replica. `parent` is the
   * revision it was written against: `conflict` where another is active by now, `invalid_policy` with the lines that are
   * wrong, or where it would take the publisher's own right to administer away. Without `activate` it is checked and stored, and
   * `parent` may be any revision of the tenant.
   */
  publish(
    context: RequestContext,
    body: { readonly policy: string; readonly parent: string; readonly activate?: boolean | undefined },
  ): Promise<PolicyRevisionResource>;
}

export function createPolicyRevisions(parts: PolicyRevisionParts): PolicyRevisions {
  const { catalog, policy, parse } = parts;

  async function administered(context: RequestContext): Promise<Presence> {
    const here = await presence(catalog, context.caller);
    const { caller, view } = here;
    if (policy.permitsTenant(view, caller, 'administer').kind !== 'permit') throw new AppError('forbidden');
    return here;
  }

  async function stored(tenant: TenantId, id: string): Promise<Stored> {
    const found = await catalog.revision(tenant, id);
    if (found === undefined) throw new AppError('not_found');
    return found;
  }

  return {
    ...revisionReads(catalog, administered, stored),

    async activate(context, id, replaces) {
      const here = await administered(context);
      const { revision } = await stored(here.caller.tenant, id);
      demandFit(parts, here, revision);
      if (here.view.policy.id === id && replaces === id) return resource(revision);
      await catalog.activatePolicy(here.caller.tenant, revision, replaces, changeBy(context));
      return resource(revision);
    },

    async publish(context, { policy: text, parent, activate = true }) {
      const here = await administered(context);
      const { caller, view } = here;
      const { lines, problems } = parse(text);
      refuse(problems);
      const revision = policyRevision(lines);
      demandFit(parts, here, revision);
      if (!activate) {
        await catalog.publishRevision(caller.tenant, revision, parent, changeBy(context));
        return resource(revision);
      }
      if (revision.id === view.policy.id && parent === revision.id) return resource(revision);
      await catalog.activatePolicy(caller.tenant, revision, parent, changeBy(context));
      return resource(revision);
    },
  };
}

type Administered = (context: RequestContext) => Promise<Presence>;
type Stored = NonNullable<Awaited<ReturnType<RevisionCatalog['revision']>>>;

function revisionReads(
  catalog: RevisionCatalog,
  administered: Administered,
  stored: (tenant: TenantId, id: string) => Promise<Stored>,
): Pick<PolicyRevisions, 'active' | 'list' | 'detail'> {
  return {
    active: async (context) => resource((await administered(context)).view.policy),

    async list(context, { after, limit }) {
      const { caller, view } = await administered(context);
      const found = await catalog.listRevisions(caller.tenant, after, limit + 1);
      const page = found.slice(0, limit);
      const last = page.at(-1);
      return {
        revision: view.policy.id,
        ...(after === undefined ? { policy: policyCsv(view.policy.lines) } : {}),
        revisions: page.map(summary),
        ...(found.length > limit && last !== undefined ? { next: last.id } : {}),
      };
    },

    async detail(context, id) {
      const { caller, view } = await administered(context);
      const { facts, revision, history } = await stored(caller.tenant, id);
      return {
        ...summary(facts),
        ...resource(revision),
        shadow: view.shadow?.revision.id === id,
        history: history.map(({ from, to, by }) => ({ from: iso(from), ...(to === 'still' ? {} : { to: iso(to) }), by })),
      };
    },
  };
}

/** Every check of publishing: the words, the issuers, and that whoever publishes could publish the next one. */
export function demandFit(
  { policy, issuers }: Pick<PolicyRevisionParts, 'policy' | 'issuers'>,
  { view, caller }: Presence,
  revision: PolicyRevision,
): void {
  refuse(policy.check(caller.tenant, revision.lines));
  refuse(revision.lines.flatMap((line) => unknownIssuer(line, issuers)));
  if (policy.permitsTenant({ ...view, policy: revision }, caller, 'administer').kind !== 'permit') {
    refuse([{ line: 0, message: 'nobody may publish a policy under which they could not publish the next one' }]);
  }
}

function summary({ id, parent, author, at, active, activations }: RevisionFacts): RevisionSummary {
  return { revision: id, parent: parent ?? null, author, at: iso(at), active, activations };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
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

export function refuse(problems: readonly PolicyProblem[]): void {
  if (problems.length === 0) return;
  throw new AppError('invalid_policy', {
    issues: problems.slice(0, MAX_SHOWN).map(({ line, message }) => ({ pointer: `/policy line ${line}`, message })),
  });
}

function resource({ id, lines }: PolicyRevision): PolicyRevisionResource {
  return { revision: id, policy: policyCsv(lines) };
}
