import { purposeOf } from '../core/purpose.ts';
import type { JsonObject } from '../core/json.ts';
import type { Counterfactual, CounterfactualChunk, CounterfactualPort, PastRelease } from '../core/ports/counterfactual.ts';
import type { Purpose } from '../core/ports/policy.ts';
import type { Presence } from '../core/presence.ts';
import { effectiveZone } from '../core/zone.ts';
import { describedCaller, type Described } from './described-caller.ts';
import { caseNow, judged, viewFor, type Case, type ExplainParts } from './explain.ts';
import { shown } from './explain-view.ts';

/** The same judgement as `explain` gives of one document, over all chunks of a release, without an event for each. */
export function createCounterfactual(parts: ExplainParts): CounterfactualPort {
  return {
    async judge(here, release) {
      const purpose = purposeOf(parts.policy, release.purpose);
      const { user, client, actor, groups, guest } = release;
      const described = await describedCaller(parts, here.caller, here.stamp, { user, client, actor, groups, guest });
      const chunks: CounterfactualChunk[] = [];
      for (const chunk of release.chunks) chunks.push(await judgeChunk(parts, here, described, purpose, chunk));
      const { memberships } = described;
      return {
        revision: here.view.policy.id,
        at: new Date(await parts.catalog.databaseTime()).toISOString(),
        memberships: { from: memberships.from, groupCount: memberships.groups.length, guest: memberships.guest },
        chunks,
      } satisfies Counterfactual;
    },
  };
}

async function judgeChunk(
  parts: ExplainParts,
  here: Presence,
  described: Described,
  purpose: Purpose,
  chunk: PastRelease['chunks'][number],
): Promise<CounterfactualChunk> {
  const found = await caseOf(parts, here, chunk);
  if (found === undefined) return nothingLeft(parts, here, chunk);
  const view = viewFor(parts, here, found, found);
  if (view === 'reader') return { kind: 'hidden' };
  const { stages } = judged(parts, described, found, purpose);
  const { facts, at } = found;
  const label = effectiveZone(found.view.scheme, facts.source, facts.declared).label;
  const told = shown(view, { described, stages, purpose, label, facts, at, past: false, revision: found.view.policy.id });
  return {
    kind: 'judged',
    decision: told.decision,
    refusedBy: told.stages.filter(({ outcome }) => outcome === 'refuse').map(({ stage }) => stage),
    stages: told.stages as unknown as readonly JsonObject[],
  };
}

/** A chunk that the mender has forgotten was of a text that is not current any more. */
async function caseOf(
  parts: ExplainParts,
  here: Presence,
  { chunk, source, document }: PastRelease['chunks'][number],
): Promise<Case | undefined> {
  const byChunk = await caseNow(parts, here, { kind: 'chunk', chunk });
  if (byChunk !== undefined) return byChunk;
  const byName = await caseNow(parts, here, { kind: 'document', source, document });
  return byName && { ...byName, facts: { ...byName.facts, current: false } };
}

/** Neither the chunk nor a document of that name: told to those who may audit the zone that it was released from. */
function nothingLeft(
  { policy }: ExplainParts,
  { view, caller }: Presence,
  { source: id, zone }: PastRelease['chunks'][number],
): CounterfactualChunk {
  const source = view.sources.get(id);
  const declared = view.zones.get(zone)?.declared;
  const object = source === undefined || declared === undefined ? undefined : effectiveZone(view.scheme, source, declared);
  const told =
    object !== undefined && (['audit', 'label'] as const).some((action) => policy.permits(view, caller, action, object).kind === 'permit');
  if (!told) return { kind: 'hidden' };
  const stage = { stage: 'live', outcome: 'refuse', because: ['nothing is left of the document'] };
  return { kind: 'judged', decision: 'refuse', refusedBy: ['live'], stages: [stage] };
}
