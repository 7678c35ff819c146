import { actorPrincipals, userPrincipals, type Caller } from '../core/caller.ts';
import type { ZoneId } from '../core/ids.ts';
import type { TenantView } from '../core/ports/catalog.ts';
import type { ExplainPolicyPort, Party, PartyExplanation } from '../core/ports/explain.ts';
import type { Decision, PolicyPort, Purpose } from '../core/ports/policy.ts';
import { effectiveZone, type PolicyObject } from '../core/zone.ts';

/** What one caller sees more and less of under the revision in shadow, and the lines it comes from. */
export interface Difference {
  readonly outcome: 'same' | 'gains' | 'loses' | 'differs';
  readonly gained: readonly ZoneId[];
  readonly lost: readonly ZoneId[];
  /** `<revision>:<line>`, of lines that one revision has and the other has not. */
  readonly gainedBy: readonly string[];
  readonly lostBy: readonly string[];
}

export interface DifferenceParts {
  readonly policy: PolicyPort;
  readonly explainer: ExplainPolicyPort;
}

/** Lines are looked for in this many zones each way; a revision that opens a thousand zones opens them by few lines. */
const EXPLAINED_ZONES = 8;
const SAME: Difference = { outcome: 'same', gained: [], lost: [], gainedBy: [], lostBy: [] };

function zonesOf(decision: Decision): readonly ZoneId[] {
  return decision.kind === 'zones' ? decision.zones : [];
}

export function differenceOf(parts: DifferenceParts, active: TenantView, shadow: TenantView, caller: Caller, purpose: Purpose): Difference {
  const before = zonesOf(parts.policy.decide(active, caller, 'retrieve', purpose));
  const after = zonesOf(parts.policy.decide(shadow, caller, 'retrieve', purpose));
  const [had, has] = [new Set(before), new Set(after)];
  const gained = after.filter((zone) => !had.has(zone));
  const lost = before.filter((zone) => !has.has(zone));
  if (gained.length === 0 && lost.length === 0) return SAME;
  const outcome = lost.length === 0 ? 'gains' : gained.length === 0 ? 'loses' : 'differs';
  const by = (zones: readonly ZoneId[]): readonly string[] =>
    causes(parts, active, shadow, caller, purpose, zones.slice(0, EXPLAINED_ZONES));
  return { outcome, gained, lost, gainedBy: by(gained), lostBy: by(lost) };
}

function objectOf(view: TenantView, id: ZoneId): PolicyObject | undefined {
  const zone = view.zones.get(id);
  const source = zone && view.sources.get(zone.source);
  return zone && source && effectiveZone(view.scheme, source, zone.declared);
}

function causes(
  { explainer }: DifferenceParts,
  active: TenantView,
  shadow: TenantView,
  caller: Caller,
  purpose: Purpose,
  zones: readonly ZoneId[],
): readonly string[] {
  const parties = partiesOfCaller(caller);
  const named = (view: TenantView, object: PolicyObject): ReadonlyMap<string, string> =>
    new Map(parties.flatMap((party) => linesOf(view, explainer.party(view, party, 'retrieve', object, purpose))));
  const found = new Set<string>();
  for (const object of zones.flatMap((id) => objectOf(active, id) ?? [])) {
    const [old, next] = [named(active, object), named(shadow, object)];
    for (const [text, name] of old) if (!next.has(text)) found.add(name);
    for (const [text, name] of next) if (!old.has(text)) found.add(name);
  }
  return [...found].sort();
}

/** Every line that takes part, those of the chain included, by its text: a line that only moved is no cause. */
function linesOf({ policy }: TenantView, { lines }: PartyExplanation): readonly (readonly [string, string])[] {
  return lines.flatMap(({ line, text, chain }) => [
    [text, `${policy.id}:${line}`] as const,
    ...chain.flatMap((link, index) =>
      link.line === undefined ? [] : [[`${chain[index - 1]?.name ?? ''}\n${link.name}`, `${policy.id}:${link.line}`] as const],
    ),
  ]);
}

function partiesOfCaller(caller: Caller): readonly Party[] {
  const { tenant } = caller;
  const possible = { kind: 'nothing' } as const;
  const actors = actorPrincipals(caller);
  return [
    ...(caller.user.kind === 'none' ? [] : [{ tenant, held: userPrincipals(caller), possible, lends: true }]),
    { tenant, held: [caller.client], possible, lends: true },
    ...(actors.length === 0 ? [] : [{ tenant, held: actors, possible, lends: false }]),
  ];
}
