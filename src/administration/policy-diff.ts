import { purposeOf } from '../core/purpose.ts';
import { named } from '../core/audit-names.ts';
import { actingPrincipal } from '../core/caller.ts';
import { AppError } from '../core/errors.ts';
import { policyRevision, type PolicyLine, type PolicyRevision } from '../core/policy-lines.ts';
import type { AuditPort } from '../core/ports/audit.ts';
import type { ReadCatalog, TenantView } from '../core/ports/catalog.ts';
import type { DirectoryCatalog } from '../core/ports/directory.ts';
import type { ExplainPolicyPort } from '../core/ports/explain.ts';
import type { HistoryCatalog, ScanCatalog } from '../core/ports/history.ts';
import type { IssuerSummary } from '../core/ports/identity.ts';
import type { PolicyPort, PolicyProblem, Purpose } from '../core/ports/policy.ts';
import type { RevisionCatalog } from '../core/ports/revisions.ts';
import { presence, type Presence } from '../core/presence.ts';
import { qualifyPrincipal, type Principal } from '../core/principal.ts';
import type { RequestContext } from '../core/request-context.ts';
import { comparison } from './diff-compare.ts';
import { diffSubjects, directoryPrincipals, policyPrincipals, type DiffSubject } from './diff-subjects.ts';
import { createDiffTally, type DiffSource, type PrincipalDiff } from './diff-tally.ts';
import { documentClasses, type DocumentClasses } from './document-classes.ts';
import { createPace } from './pace.ts';
import { refuse } from './policy-revisions.ts';
import { sightOf } from './sight.ts';

export interface PolicyDiffParts {
  readonly catalog: ReadCatalog & HistoryCatalog & ScanCatalog & RevisionCatalog & Pick<DirectoryCatalog, 'groupsAt' | 'directoryUsers'>;
  readonly policy: PolicyPort;
  readonly explainer: ExplainPolicyPort;
  readonly audit: AuditPort;
  readonly issuers: readonly IssuerSummary[];
  readonly parse: (text: string) => { readonly lines: readonly PolicyLine[]; readonly problems: readonly PolicyProblem[] };
}

export interface PolicyDiffRequest {
  /** Lines as in policy.csv, or a stored revision. */
  readonly policy?: string | undefined;
  readonly revision?: string | undefined;
  /** A stored revision; the one in force where absent. */
  readonly against?: string | undefined;
  readonly sources?: readonly string[] | undefined;
  /** Only these; everybody who is named somewhere where absent. */
  readonly principals?: readonly string[] | undefined;
  /** People are compared through this application, not through one that may read everything. */
  readonly client?: string | undefined;
  readonly purpose?: string | undefined;
  readonly limit?: number | undefined;
  readonly after?: string | undefined;
  readonly examples?: number | undefined;
}

export interface PolicyDiff {
  readonly at: string;
  readonly revision: string;
  readonly against: string;
  readonly purpose: string;
  /** Live and valid documents that were compared. */
  readonly documents: number;
  readonly principals: { readonly compared: number; readonly affected: number; readonly membershipsUnknown: number };
  /** Documents that somebody gains or loses; the most affected first, at most 200. */
  readonly sources: readonly DiffSource[];
  readonly moreSources: number;
  /** In order of their names, from the one after `after`. */
  readonly changes: readonly PrincipalDiff[];
  readonly next?: string;
}

const MAX_SOURCES = 200;
const DEFAULT_PRINCIPALS = 50;
const DEFAULT_EXAMPLES = 3;

/** Who gains and loses which documents of the real catalog under another policy. Fails as publishing does, or with `not_found`. */
export async function policyDiff(parts: PolicyDiffParts, context: RequestContext, request: PolicyDiffRequest): Promise<PolicyDiff> {
  const { catalog, policy } = parts;
  const { signal } = context;
  const here = await presence(catalog, context.caller);
  if (policy.permitsTenant(here.view, here.caller, 'administer').kind !== 'permit') throw new AppError('forbidden');
  const purpose = purposeOf(policy, request.purpose);
  const [before, after] = await compared(parts, here, request);
  const through = request.client === undefined ? undefined : subjectNamed(parts, '/client', request.client);
  const at = await catalog.databaseTime();
  const sources = request.sources === undefined ? undefined : new Set(request.sources);
  const classes = await documentClasses(
    catalog,
    here.caller.tenant,
    { sources, examples: request.examples ?? DEFAULT_EXAMPLES, at, grants: here.view.grants },
    signal,
  );
  const wanted = await wantedPrincipals(parts, here, request, [before.policy, after.policy], classes);
  const subjects = await diffSubjects(parts, here.caller, here.stamp, wanted, through, signal);
  const tally = createDiffTally({
    sight: sightOf(policy, here),
    examples: request.examples ?? DEFAULT_EXAMPLES,
    limit: request.limit ?? DEFAULT_PRINCIPALS,
    after: request.after,
  });
  const compare = comparison({ explainer: parts.explainer, before, after, purpose, at, through }, classes, tally);
  const pace = createPace(signal);
  for (const subject of subjects) {
    const steps = compare(subject);
    while (steps.next().done !== true) await pace();
  }
  const made = assembled({ at, before, after, purpose, classes, subjects, tally });
  await record(parts, context, here, made);
  return made;
}

async function compared(
  parts: PolicyDiffParts,
  { view, caller }: Presence,
  request: PolicyDiffRequest,
): Promise<readonly [TenantView, TenantView]> {
  const { shadow: _shadow, ...bare } = view;
  const stored = async (id: string): Promise<PolicyRevision> => {
    const found = id === view.policy.id ? { revision: view.policy } : await parts.catalog.revision(caller.tenant, id);
    if (found === undefined) throw new AppError('not_found');
    return found.revision;
  };
  const draft = async (): Promise<PolicyRevision> => {
    if (request.policy === undefined) return stored(request.revision ?? view.policy.id);
    const { lines, problems } = parts.parse(request.policy);
    refuse(problems);
    return policyRevision(lines);
  };
  const [before, after] = [request.against === undefined ? view.policy : await stored(request.against), await draft()];
  for (const { lines } of [before, after]) refuse(parts.policy.check(caller.tenant, lines));
  return [
    { ...bare, policy: before },
    { ...bare, policy: after },
  ];
}

function subjectNamed({ issuers }: PolicyDiffParts, pointer: string, text: string): Principal {
  const found = qualifyPrincipal(
    text,
    issuers.map(({ name }) => name),
  );
  if (found !== undefined) return found;
  throw new AppError('invalid_request', { issues: [{ pointer, message: 'names no possible principal' }] });
}

async function wantedPrincipals(
  parts: PolicyDiffParts,
  { caller }: Presence,
  { principals }: PolicyDiffRequest,
  revisions: readonly PolicyRevision[],
  classes: DocumentClasses,
): Promise<ReadonlySet<Principal>> {
  if (principals !== undefined) return new Set(principals.map((text, index) => subjectNamed(parts, `/principals/${index}`, text)));
  return new Set([...policyPrincipals(revisions), ...classes.principals, ...(await directoryPrincipals(parts, caller.tenant))]);
}

function assembled(made: {
  readonly at: number;
  readonly before: TenantView;
  readonly after: TenantView;
  readonly purpose: Purpose;
  readonly classes: DocumentClasses;
  readonly subjects: readonly DiffSubject[];
  readonly tally: ReturnType<typeof createDiffTally>;
}): PolicyDiff {
  const { at, before, after, purpose, classes, subjects, tally } = made;
  const sources = tally.sources();
  const { changes, next } = tally.page();
  return {
    at: new Date(at).toISOString(),
    revision: after.policy.id,
    against: before.policy.id,
    purpose,
    documents: classes.documents,
    principals: {
      compared: subjects.length,
      affected: tally.affected(),
      membershipsUnknown: subjects.filter(({ memberships }) => memberships === 'unknown').length,
    },
    sources: sources.slice(0, MAX_SOURCES),
    moreSources: Math.max(0, sources.length - MAX_SOURCES),
    changes,
    ...(next === undefined ? {} : { next }),
  };
}

async function record(parts: PolicyDiffParts, { requestId }: RequestContext, { caller }: Presence, made: PolicyDiff): Promise<void> {
  const by = named(actingPrincipal(caller));
  const { revision, against, documents, principals } = made;
  const body = { by, through: caller.client, revision, against, documents, affected: principals.affected };
  await parts.audit.append({ tenant: caller.tenant, kind: 'policy.diff-read', requestId, body });
}
