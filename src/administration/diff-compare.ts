import { openingGrant } from '../core/grants.ts';
import type { DocumentKey, SourceId, ZoneId } from '../core/ids.ts';
import type { TenantView } from '../core/ports/catalog.ts';
import type { ExplainPolicyPort, Outcome, ZoneBounds } from '../core/ports/explain.ts';
import type { Purpose } from '../core/ports/policy.ts';
import type { Principal } from '../core/principal.ts';
import { aclOutcome, listOutcome } from './acl-stages.ts';
import type { DiffSubject } from './diff-subjects.ts';
import type { Change, Changes, createDiffTally } from './diff-tally.ts';
import type { DocumentClass, DocumentClasses } from './document-classes.ts';

export interface Compared {
  readonly explainer: ExplainPolicyPort;
  readonly before: TenantView;
  readonly after: TenantView;
  readonly purpose: Purpose;
  readonly at: number;
  readonly through: Principal | undefined;
}

/** No grant is of it: keys are UUIDs. */
const NO_DOCUMENT = '' as DocumentKey;
/** Changes that are remembered for people who are decided alike; each holds a sum a source. */
const MAX_REMEMBERED = 5_000;

/**
 * Judges only the classes of zones that changed for a subject, and each kind of subject once: people differ by name far more often
 * than by what they hold. Pauses at every `yield`, so that queries get through.
 */
export function comparison(compared: Compared, classes: DocumentClasses, tally: ReturnType<typeof createDiffTally>) {
  const { explainer, before, after, purpose, through } = compared;
  const zonesOf = (view: TenantView, party: DiffSubject['party']): ZoneBounds => explainer.zones(view, party, 'retrieve', purpose);
  const client = through && ({ tenant: before.tenant, held: [through], possible: { kind: 'nothing' }, lends: true } as const);
  const [clientBefore, clientAfter] = [client && zonesOf(before, client), client && zonesOf(after, client)];
  const remembered = new Map<string, Changes>();
  const named = new Set([
    ...classes.principals,
    ...[...before.sources.values()].flatMap(({ ceiling }) => (ceiling.kind === 'gate' ? ceiling.principals : [])),
  ]);

  return function* compare(subject: DiffSubject): Generator<void> {
    const [old, next] = [zonesOf(before, subject.party), zonesOf(after, subject.party)];
    const people = subject.kind !== 'client';
    const grants = before.grants.get(subject.principal) ?? [];
    const holds = [...subject.acl.deny].filter((one) => named.has(one)).sort();
    const own = grants.length > 0 ? subject.principal : '';
    const key = JSON.stringify([people, own, holds, subject.acl.possible, old.key, next.key]);
    yield;
    const known = remembered.get(key);
    if (known !== undefined) return tally.note(subject, known);
    const changes = tally.changes();
    const judge = judgeOf(compared, subject, classes);
    for (const [zone, members] of classes.byZone) {
      const was = outcomeIn(old, people ? clientBefore : undefined, zone);
      const is = outcomeIn(next, people ? clientAfter : undefined, zone);
      if (was === is) continue;
      for (const one of members) {
        const outcome = judge(one);
        if (outcome !== 'refuse') changes.add(one, changeOf(was, is, outcome));
      }
      yield;
    }
    if (remembered.size < MAX_REMEMBERED) remembered.set(key, changes);
    tally.note(subject, changes);
  };
}

function outcomeIn(own: ZoneBounds, other: ZoneBounds | undefined, zone: ZoneId): Outcome {
  if (!own.possible.has(zone) || other?.possible.has(zone) === false) return 'refuse';
  return own.certain.has(zone) && other?.certain.has(zone) !== false ? 'pass' : 'unknown';
}

function changeOf(was: Outcome, is: Outcome, acl: Outcome): Change {
  if (acl === 'unknown' || was === 'unknown' || is === 'unknown') return 'unclear';
  return is === 'pass' ? 'gained' : 'lost';
}

function judgeOf({ before: view, at }: Compared, subject: DiffSubject, classes: DocumentClasses): (one: DocumentClass) => Outcome {
  const { gate, deny, possible } = subject.acl;
  // Whoever asks through an application opens the gates, so only a deny on the application itself counts.
  const ofAcl = (one: DocumentClass, opened: boolean): Outcome => {
    if (subject.kind !== 'client') return aclOutcome(one.acl, subject.acl, opened, at);
    return listOutcome(one.acl.deny, deny, possible, at) === 'pass' || one.acl.gates.length === 0 ? 'refuse' : 'pass';
  };
  const ceilings = new Map<SourceId, Outcome>();
  const above = (id: SourceId): Outcome => {
    const known = ceilings.get(id);
    if (known !== undefined) return known;
    const ceiling = view.sources.get(id)?.ceiling;
    const free = subject.kind === 'client' || ceiling?.kind !== 'gate';
    const made = ceiling === undefined ? 'refuse' : free ? 'pass' : listOutcome(ceiling.principals, gate, possible, at);
    ceilings.set(id, made);
    return made;
  };
  const acls: (Outcome | undefined)[] = Array.from({ length: classes.acls.length });
  // Grants are for people, each by their own name.
  const grants = subject.kind === 'user' ? (view.grants.get(subject.principal) ?? []) : [];
  return (one) => {
    const ceiling = above(one.source);
    if (ceiling === 'refuse') return 'refuse';
    const opened = grants.length > 0 && openingGrant(grants, { zone: one.zone, key: one.key ?? NO_DOCUMENT }, at) !== undefined;
    const own = opened ? ofAcl(one, true) : (acls[one.aclNumber] ??= ofAcl(one, false));
    return own === 'pass' ? ceiling : own;
  };
}
