import { purposeOf } from '../core/purpose.ts';
import { named } from '../core/audit-names.ts';
import { grantsFor, openingGrant } from '../core/grants.ts';
import { actingPrincipal, aclSubject } from '../core/caller.ts';
import { AppError } from '../core/errors.ts';
import type { Acl } from '../core/acl.ts';
import type { SourceId, ZoneId } from '../core/ids.ts';
import type { Label } from '../core/label.ts';
import type { AuditPort } from '../core/ports/audit.ts';
import type { ReadCatalog, TenantView } from '../core/ports/catalog.ts';
import { mayHold, type ExplainPolicyPort, type Outcome } from '../core/ports/explain.ts';
import type { HistoryCatalog, ScanCatalog, ScannedDocument } from '../core/ports/history.ts';
import type { IssuerSummary } from '../core/ports/identity.ts';
import type { DirectoryCatalog } from '../core/ports/directory.ts';
import type { PolicyPort, Purpose } from '../core/ports/policy.ts';
import { presence, type Presence } from '../core/presence.ts';
import type { RequestContext } from '../core/request-context.ts';
import { effectiveZone } from '../core/zone.ts';
import { aclOutcome, joined, listOutcome, type AclSubjectBounds } from './acl-stages.ts';
import { describedCaller, partiesOf, possiblyHeld, type Described, type Description } from './described-caller.ts';
import { listedDocuments, readCursor, type ListedDocument } from './most-sensitive.ts';
import { createPace } from './pace.ts';
import { sightOf, type Sight } from './sight.ts';

export interface BlastRadiusParts {
  readonly catalog: ReadCatalog & HistoryCatalog & ScanCatalog & Pick<DirectoryCatalog, 'groupsAt'>;
  readonly policy: PolicyPort;
  readonly explainer: ExplainPolicyPort;
  readonly audit: AuditPort;
  readonly issuers: readonly IssuerSummary[];
}

export interface BlastRadiusRequest extends Description {
  readonly purpose?: string | undefined;
  readonly limit?: number | undefined;
  readonly after?: string | undefined;
}

/** `unknown`: documents that depend on groups or a guest status that are not known. */
interface Counts {
  readonly readable: number;
  readonly unknown: number;
}

export interface BlastRadius extends Counts {
  /** ISO 8601, database time at which the reading began. */
  readonly at: string;
  readonly user: string | null;
  readonly client: string;
  readonly purpose: string;
  readonly memberships: { readonly from: string; readonly groups: readonly string[]; readonly groupCount: number; readonly guest: string };
  readonly revision: string;
  /** `tenant`: of all there is. `some`: of the sources that whoever asks holds `audit` or `label` on. */
  readonly sight: 'tenant' | 'some';
  readonly documents: number;
  /** Most readable first, at most 200. */
  readonly sources: readonly (Counts & { readonly source: string; readonly documents: number })[];
  /** Most sensitive first, at most 200. */
  readonly labels: readonly (Counts & { readonly label: Label })[];
  /** Sources and labels that are left out of the lists. */
  readonly more: { readonly sources: number; readonly labels: number };
  /** Most sensitive first. */
  readonly examples: readonly ListedDocument[];
  readonly next?: string;
}

const MAX_LISTED = 200;
const MAX_GROUPS = 100;
const DEFAULT_EXAMPLES = 20;

/** What one identity could read now, over the whole catalog. Fails with `forbidden` for whoever audits and labels nothing. */
export async function blastRadius(parts: BlastRadiusParts, context: RequestContext, request: BlastRadiusRequest): Promise<BlastRadius> {
  const here = await presence(parts.catalog, context.caller);
  const sight = sightOf(parts.policy, here);
  if (sight.over === 'some' && sight.zones.size === 0) throw new AppError('forbidden');
  const purpose = purposeOf(parts.policy, request.purpose);
  const described = await describedCaller(parts, here.caller, here.stamp, request);
  const at = await parts.catalog.databaseTime();
  const reach = reachOf(parts, here.view, described, purpose, at);
  const tally = createTally(here.view);
  const limit = request.limit ?? DEFAULT_EXAMPLES;
  const listed = listedDocuments(here.view, limit, readCursor(request.after));
  const pace = createPace(context.signal);
  for await (const page of parts.catalog.scan(here.caller.tenant, context.signal)) {
    for (const document of page) {
      if (!sight.zones.has(document.zone)) continue;
      const outcome = reach(document);
      tally.add(document, outcome);
      if (outcome !== 'refuse') listed.offer(document, outcome === 'pass');
    }
    await pace();
  }
  const made = assembled(here, described, purpose, at, tally, sight, listed);
  await record(parts, context, here, made);
  return made;
}

/** The decision about each document, from sets made once: the zones of user, client and actor, and each ACL judged once. */
function reachOf(
  { policy, explainer }: BlastRadiusParts,
  view: TenantView,
  described: Described,
  purpose: Purpose,
  at: number,
): (document: ScannedDocument) => Outcome {
  const { user, client, actor } = partiesOf(described);
  const parties = [...(user === undefined ? [] : [user]), client, ...(actor === undefined ? [] : [actor])];
  const bounds = parties.map((party) => explainer.zones(view, party, 'retrieve', purpose));
  const subject: AclSubjectBounds = { ...aclSubject(described.caller), possible: possiblyHeld(described) };
  const principals = [...view.off.principals];
  const shut = view.off.everything || !described.admitted || principals.some((one) => subject.deny.has(one));
  const unsure = principals.some((one) => mayHold(subject.possible, one));
  const sources = new Map<SourceId, Outcome>();
  for (const source of view.sources.values()) {
    const above = source.ceiling.kind === 'none' ? 'pass' : listOutcome(source.ceiling.principals, subject.gate, subject.possible, at);
    sources.set(
      source.id,
      shut || source.state !== 'live' || view.off.sources.has(source.id) ? 'refuse' : unsure && above === 'pass' ? 'unknown' : above,
    );
  }
  const zones = new Map<ZoneId, Outcome>();
  for (const zone of view.zones.values()) {
    const lines = bounds.map(({ certain, possible }): Outcome =>
      certain.has(zone.id) ? 'pass' : possible.has(zone.id) ? 'unknown' : 'refuse',
    );
    zones.set(zone.id, joined([sources.get(zone.source) ?? 'refuse', ...lines]));
  }
  demandAgreement(policy, view, described, purpose, zones);
  const acls = new Map<Acl, Outcome>();
  const grants = grantsFor(view.grants, described.caller, at);
  return ({ key, zone, acl, state, off, validFrom, validUntil }) => {
    const open = zones.get(zone) ?? 'refuse';
    if (open === 'refuse' || state !== 'live' || off) return 'refuse';
    if ((validFrom !== 'always' && at < validFrom * 1000) || (validUntil !== 'forever' && at >= validUntil * 1000)) return 'refuse';
    let named = acls.get(acl);
    if (named === undefined) acls.set(acl, (named = aclOutcome(acl, subject, false, at)));
    if (named !== 'pass' && grants.length > 0 && openingGrant(grants, { key, zone }, at) !== undefined)
      named = aclOutcome(acl, subject, true, at);
    return named === 'pass' ? open : named;
  };
}

/** Where nothing is unknown, the zones are those that key one decides. */
function demandAgreement(
  policy: PolicyPort,
  view: TenantView,
  described: Described,
  purpose: Purpose,
  zones: ReadonlyMap<ZoneId, Outcome>,
): void {
  if (!described.complete || !described.admitted) return;
  const decision = policy.decide(view, described.caller, 'retrieve', purpose);
  const decided = new Set(decision.kind === 'zones' ? decision.zones : []);
  for (const [zone, outcome] of zones) {
    if ((outcome === 'pass') !== decided.has(zone))
      throw new AppError('policy_unavailable', { detail: 'the report and the decision differ' });
  }
}

/** The most sensitive first. */
function labelsOf(view: TenantView, sums: ReadonlyMap<string, Counts>): BlastRadius['labels'] {
  return [...sums]
    .map(([text, { readable, unknown }]) => ({ label: JSON.parse(text) as Label, text, readable, unknown }))
    .filter(({ readable, unknown }) => readable + unknown > 0)
    .sort(
      (a, b) =>
        view.scheme.rank(b.label.level) - view.scheme.rank(a.label.level) ||
        b.label.compartments.length - a.label.compartments.length ||
        (a.text < b.text ? -1 : 1),
    )
    .map(({ label, readable, unknown }) => ({ label, readable, unknown }));
}

interface Tally {
  add(document: ScannedDocument, outcome: Outcome): void;
  total(): { readonly readable: number; readonly unknown: number; readonly documents: number };
  sources(): BlastRadius['sources'];
  labels(): BlastRadius['labels'];
}

interface Sum {
  readable: number;
  unknown: number;
  documents: number;
}

function createTally(view: TenantView): Tally {
  const zones = new Map<ZoneId, Sum>();
  const sumOf = <K>(sums: Map<K, Sum>, key: K): Sum => {
    const sum = sums.get(key) ?? { readable: 0, unknown: 0, documents: 0 };
    sums.set(key, sum);
    return sum;
  };
  const grouped = <K>(keyOf: (zone: ZoneId) => K | undefined): Map<K, Sum> => {
    const sums = new Map<K, Sum>();
    for (const [zone, { readable, unknown, documents }] of zones) {
      const key = keyOf(zone);
      if (key === undefined) continue;
      const sum = sumOf(sums, key);
      sum.readable += readable;
      sum.unknown += unknown;
      sum.documents += documents;
    }
    return sums;
  };
  const labelOf = (id: ZoneId): Label | undefined => {
    const zone = view.zones.get(id);
    const source = zone && view.sources.get(zone.source);
    return zone && source && effectiveZone(view.scheme, source, zone.declared).label;
  };
  return {
    add({ zone }, outcome) {
      const sum = sumOf(zones, zone);
      sum.documents += 1;
      if (outcome === 'pass') sum.readable += 1;
      if (outcome === 'unknown') sum.unknown += 1;
    },
    total: () => {
      const all = [...grouped(() => 'all').values()];
      return all[0] ?? { readable: 0, unknown: 0, documents: 0 };
    },
    sources: () =>
      [...grouped((zone) => view.zones.get(zone)?.source)]
        .map(([source, sum]) => ({ source, ...sum }))
        .sort((a, b) => b.readable - a.readable || b.unknown - a.unknown || (a.source < b.source ? -1 : 1)),
    labels: () =>
      labelsOf(
        view,
        grouped((zone) => JSON.stringify(labelOf(zone))),
      ),
  };
}

function assembled(
  { view }: Presence,
  described: Described,
  purpose: Purpose,
  at: number,
  tally: Tally,
  sight: Sight,
  listed: ReturnType<typeof listedDocuments>,
): BlastRadius {
  const { caller, memberships, self } = described;
  const [sources, labels] = [tally.sources(), tally.labels()];
  const { readable, unknown, documents } = tally.total();
  const { page, next } = listed.page(sight);
  const groups = self || memberships.from === 'given' ? memberships.groups.slice(0, MAX_GROUPS) : [];
  return {
    at: new Date(at).toISOString(),
    user: caller.user.kind === 'user' ? caller.user.principal : null,
    client: caller.client,
    purpose,
    memberships: { ...memberships, groups, groupCount: memberships.groups.length },
    revision: view.policy.id,
    sight: sight.over,
    documents,
    readable,
    unknown,
    sources: sources.slice(0, MAX_LISTED),
    labels: labels.slice(0, MAX_LISTED),
    more: { sources: Math.max(0, sources.length - MAX_LISTED), labels: Math.max(0, labels.length - MAX_LISTED) },
    examples: page,
    ...(next === undefined ? {} : { next }),
  };
}

async function record(parts: BlastRadiusParts, { requestId }: RequestContext, { caller }: Presence, made: BlastRadius): Promise<void> {
  const { user, client, readable, unknown, documents, sight } = made;
  const by = named(actingPrincipal(caller));
  const body = {
    by,
    through: caller.client,
    user: user === null ? null : named(user),
    client,
    memberships: made.memberships.from,
    sight,
    documents,
    readable,
    unknown,
  };
  await parts.audit.append({ tenant: caller.tenant, kind: 'blast-radius.read', requestId, body });
}
