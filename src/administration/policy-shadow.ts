import { AppError } from '../core/errors.ts';
import type { ZoneId } from '../core/ids.ts';
import type { PolicyRevision } from '../core/policy-lines.ts';
import type { ReadCatalog, TenantView } from '../core/ports/catalog.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import type { Finding, RevisionCatalog, ShadowRun } from '../core/ports/revisions.ts';
import { presence, type Presence } from '../core/presence.ts';
import { changeBy, type RequestContext } from '../core/request-context.ts';
import { demandFit } from './policy-revisions.ts';

export interface ShadowCounts {
  readonly gains: number;
  readonly loses: number;
}

/** What a revision would have changed for the requests that came while it ran. Lists hold at most 100, the most frequent first. */
export interface ShadowReport {
  readonly revision: string;
  readonly running: boolean;
  readonly from: string;
  readonly to?: string;
  readonly by: string;
  /** Requests by outcome: same, gains, loses, differs, failed. */
  readonly decisions: Readonly<Record<string, number>>;
  readonly zones: readonly (ShadowCounts & { readonly zone: number; readonly source?: string; readonly level?: string })[];
  readonly principals: readonly (ShadowCounts & { readonly principal: string })[];
  readonly lines: readonly (ShadowCounts & { readonly revision: string; readonly line: number; readonly text?: string })[];
  /** Names that the lists leave out, by kind. */
  readonly more: { readonly zones: number; readonly principals: number; readonly lines: number };
}

export interface PolicyShadow {
  /** Fails with `not_found`, `invalid_policy` as publishing does, or `conflict` where one runs already or it is in force. */
  start(context: RequestContext, revision: string): Promise<ShadowReport>;
  /** Fails with `conflict` where it does not run. */
  stop(context: RequestContext, revision: string): Promise<ShadowReport>;
  /** Of the run that goes on, else of the last one. `not_found` where the revision never ran in shadow. */
  report(context: RequestContext, revision: string): Promise<ShadowReport>;
}

export interface PolicyShadowParts {
  readonly catalog: ReadCatalog & RevisionCatalog;
  readonly policy: PolicyPort;
  readonly issuers: readonly string[];
  /** Writes what this replica has found. */
  readonly flush: () => Promise<void>;
}

const MAX_LISTED = 100;

export function createPolicyShadow(parts: PolicyShadowParts): PolicyShadow {
  const { catalog, policy } = parts;

  async function administered(context: RequestContext): Promise<Presence> {
    const here = await presence(catalog, context.caller);
    if (policy.permitsTenant(here.view, here.caller, 'administer').kind !== 'permit') throw new AppError('forbidden');
    return here;
  }

  async function reportOf({ view, caller }: Presence, revision: string): Promise<ShadowReport> {
    const run = await catalog.shadowRun(caller.tenant, revision);
    if (run === undefined) throw new AppError('not_found');
    await parts.flush();
    const found = await catalog.findings(caller.tenant, run.id);
    const stored = await catalog.revision(caller.tenant, revision);
    return assembled(view, run, found, [view.policy, ...(stored === undefined ? [] : [stored.revision])]);
  }

  return {
    async start(context, revision) {
      const here = await administered(context);
      const stored = await catalog.revision(here.caller.tenant, revision);
      if (stored === undefined) throw new AppError('not_found');
      demandFit(parts, here, stored.revision);
      await catalog.startShadow(here.caller.tenant, revision, changeBy(context));
      return reportOf(here, revision);
    },
    async stop(context, revision) {
      const here = await administered(context);
      if ((await catalog.revision(here.caller.tenant, revision)) === undefined) throw new AppError('not_found');
      // What this replica found belongs to the run that ends.
      await parts.flush();
      await catalog.stopShadow(here.caller.tenant, revision, changeBy(context));
      return reportOf(here, revision);
    },
    report: async (context, revision) => reportOf(await administered(context), revision),
  };
}

function assembled(view: TenantView, run: ShadowRun, found: readonly Finding[], revisions: readonly PolicyRevision[]): ShadowReport {
  const of = (kind: Finding['kind']): readonly Finding[] =>
    found.filter((one) => one.kind === kind).sort((a, b) => b.gains + b.loses - a.gains - a.loses || (a.name < b.name ? -1 : 1));
  const listed = (kind: Finding['kind']): readonly Finding[] =>
    of(kind)
      .filter(({ name }) => name !== '')
      .slice(0, MAX_LISTED);
  const more = (kind: Finding['kind']): number => of(kind).length - listed(kind).length;
  return {
    revision: run.revision,
    running: run.to === 'still',
    from: new Date(run.from).toISOString(),
    ...(run.to === 'still' ? {} : { to: new Date(run.to).toISOString() }),
    by: run.by,
    decisions: Object.fromEntries(of('outcome').map(({ name, gains }) => [name, gains])),
    zones: listed('zone').map(({ name, gains, loses }) => ({ ...zoneOf(view, Number(name) as ZoneId), gains, loses })),
    principals: listed('principal').map(({ name, gains, loses }) => ({ principal: name, gains, loses })),
    lines: listed('line').map(({ name, gains, loses }) => ({ ...lineOf(revisions, name), gains, loses })),
    more: { zones: more('zone'), principals: more('principal'), lines: more('line') },
  };
}

function zoneOf(view: TenantView, id: ZoneId): { readonly zone: number; readonly source?: string; readonly level?: string } {
  const zone = view.zones.get(id);
  return zone === undefined ? { zone: id } : { zone: id, source: zone.source, level: zone.declared.level };
}

function lineOf(
  revisions: readonly PolicyRevision[],
  name: string,
): { readonly revision: string; readonly line: number; readonly text?: string } {
  const [revision = '', number = '0'] = name.split(':');
  const line = Number(number);
  const found = revisions.find(({ id }) => id === revision)?.lines.find((one) => one.line === line);
  return { revision, line, ...(found === undefined ? {} : { text: [found.type, ...found.columns].join(', ') }) };
}
