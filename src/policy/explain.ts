import { AppError } from '../core/errors.ts';
import type { LabelScheme } from '../core/label.ts';
import type { PolicyRevision } from '../core/policy-lines.ts';
import type { TenantView } from '../core/ports/catalog.ts';
import {
  mayHold,
  type ExplainPolicyPort,
  type Outcome,
  type Party,
  type PartyExplanation,
  type Possible,
  type SpeakingLine,
  type ZoneBounds,
} from '../core/ports/explain.ts';
import { addAll, addIntersection, bits, removeAll, setBit, type Bits } from './bitset.ts';
import { chainTo, explainIndex, type ExplainIndex, type Way } from './explain-index.ts';
import { policyFunctions, type PolicyFunctions } from './functions.ts';
import type { Rule } from './line.ts';
import { zoneTable, type ZoneTable } from './zone-table.ts';

interface Pair {
  readonly allow: Bits;
  readonly deny: Bits;
}

/** One view in use. Dropped with it. */
interface Room {
  readonly index: ExplainIndex;
  readonly table: ZoneTable;
  readonly sets: Map<string, Bits>;
  readonly pairs: Map<string, Pair>;
}

/** What a party holds for certain, and with everything it may hold. */
interface Reached {
  readonly certain: ReadonlyMap<string, Way>;
  readonly all: ReadonlyMap<string, Way>;
}

function reached(index: ExplainIndex, { held, possible }: Party): Reached {
  const certain = index.reach(held);
  if (possible.kind === 'nothing') return { certain, all: certain };
  return { certain, all: index.reach([...held, ...[...index.names].filter((name) => mayHold(possible, name))]) };
}

/** Of both ends: it passes where it does whatever is held beside, and is refused where it is whatever is held beside. */
function outcomeOf(lends: boolean, lines: readonly SpeakingLine[]): Outcome {
  const any = (effect: SpeakingLine['effect'], certain: boolean): boolean =>
    lines.some((line) => line.effect === effect && (line.certain || !certain));
  if (any('deny', true) || (lends && !any('allow', false))) return 'refuse';
  return !any('deny', false) && (!lends || any('allow', true)) ? 'pass' : 'unknown';
}

/** The lines that Casbin's answer comes from, told by the same four functions that its matcher calls. */
export function createPolicyExplainer(scheme: LabelScheme): ExplainPolicyPort {
  const functions = policyFunctions(scheme);
  const indexes = new WeakMap<PolicyRevision, Map<string, ExplainIndex>>();
  const rooms = new WeakMap<TenantView, Room>();

  const indexOf = ({ tenant, policy }: TenantView): ExplainIndex => {
    const byTenant = indexes.get(policy) ?? new Map<string, ExplainIndex>();
    indexes.set(policy, byTenant);
    const index = byTenant.get(tenant) ?? explainIndex(tenant, policy);
    byTenant.set(tenant, index);
    return index;
  };
  const roomOf = (view: TenantView): Room => {
    const room = rooms.get(view) ?? { index: indexOf(view), table: zoneTable(view), sets: new Map(), pairs: new Map() };
    rooms.set(view, room);
    return room;
  };

  return {
    party: (view, party, action, object, purpose) =>
      readable(() => explainParty(indexOf(view), functions, party, { action, object, purpose, tenant: view.tenant })),
    zones: (view, party, action, purpose) =>
      readable(() => {
        const room = roomOf(view);
        if (party.tenant !== view.tenant) return NO_ZONES;
        return bounds(room, functions, party, action, purpose);
      }),
  };
}

/** A line that cannot be read decides nothing. */
function readable<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw new AppError('policy_unavailable', { detail: 'a policy line could not be read', cause: error });
  }
}

interface Asked {
  readonly tenant: string;
  readonly action: string;
  readonly object: Parameters<ExplainPolicyPort['party']>[3];
  readonly purpose: string;
}

function explainParty(index: ExplainIndex, functions: PolicyFunctions, party: Party, asked: Asked): PartyExplanation {
  const { tenant, action, object, purpose } = asked;
  if (party.tenant !== tenant || object.tenant !== tenant) return { outcome: 'refuse', lines: [] };
  const { certain, all } = reached(index, party);
  const speaks = (rule: Rule): boolean =>
    (party.lends || rule.eft === 'deny') &&
    functions.serves(rule.purpose, purpose) &&
    functions.covers(rule.source, object.source) &&
    functions.speaks(rule.eft, rule.label, rule.trust, object);
  const lines = [...all.keys()]
    .flatMap((who) => index.rules(action, who))
    .filter(speaks)
    .map((rule): SpeakingLine => {
      const isCertain = certain.has(rule.who);
      const chain = chainTo(isCertain ? certain : all, rule.who);
      return { line: rule.line, text: index.text(rule.line), effect: rule.eft === 'deny' ? 'deny' : 'allow', chain, certain: isCertain };
    })
    .sort((a, b) => a.line - b.line);
  return { outcome: outcomeOf(party.lends, lines), lines };
}

function pairOf(room: Room, functions: PolicyFunctions, who: string, action: string, purpose: string): Pair | undefined {
  const rules = room.index.rules(action, who);
  if (rules.length === 0) return undefined;
  const key = `${action}\n${purpose}\n${who}`;
  const known = room.pairs.get(key);
  if (known !== undefined) return known;
  const { table, sets } = room;
  const size = table.ids.length;
  const setOf = (name: string, holds: (position: number) => boolean): Bits => {
    const found = sets.get(name);
    if (found !== undefined) return found;
    const made = bits(size);
    for (let at = 0; at < size; at += 1) if (holds(at)) setBit(made, at);
    sets.set(name, made);
    return made;
  };
  const pair = { allow: bits(size), deny: bits(size) };
  for (const rule of rules) {
    if (!functions.serves(rule.purpose, purpose)) continue;
    const covered = setOf(`source\n${rule.source}`, (at) => functions.covers(rule.source, table.objects[at]?.source ?? ''));
    const spoken = setOf(rule.terms, (at) => {
      const object = table.objects[at];
      return object !== undefined && functions.speaks(rule.eft, rule.label, rule.trust, object);
    });
    addIntersection(rule.eft === 'deny' ? pair.deny : pair.allow, covered, spoken);
  }
  room.pairs.set(key, pair);
  return pair;
}

/** What a collection of names allows and denies together. */
function sumOf(room: Room, functions: PolicyFunctions, names: Iterable<string>, action: string, purpose: string): Pair {
  const size = room.table.ids.length;
  const sum = { allow: bits(size), deny: bits(size) };
  for (const who of names) {
    const pair = pairOf(room, functions, who, action, purpose);
    if (pair === undefined) continue;
    addAll(sum.allow, pair.allow);
    addAll(sum.deny, pair.deny);
  }
  return sum;
}

/** Of everything that may be held; the same for everybody of an issuer, so it is added up once a view. */
function possibleSum(room: Room, functions: PolicyFunctions, possible: Possible, action: string, purpose: string): Pair {
  const key = `possible\n${JSON.stringify(possible)}\n${action}\n${purpose}`;
  const known = room.pairs.get(key);
  if (known !== undefined) return known;
  const names = room.index.reach([...room.index.names].filter((name) => mayHold(possible, name))).keys();
  const sum = sumOf(room, functions, names, action, purpose);
  room.pairs.set(key, sum);
  return sum;
}

function bounds(room: Room, functions: PolicyFunctions, party: Party, action: string, purpose: string): ZoneBounds {
  const size = room.table.ids.length;
  const low = sumOf(room, functions, room.index.reach(party.held).keys(), action, purpose);
  if (!party.lends) for (let at = 0; at < size; at += 1) setBit(low.allow, at);
  const open = (allow: Bits, ...denies: readonly Bits[]): Bits => {
    const set = Uint32Array.from(allow);
    for (const deny of denies) removeAll(set, deny);
    return set;
  };
  if (party.possible.kind === 'nothing') {
    const exact = open(low.allow, low.deny);
    return boundsOf(room, exact, exact);
  }
  const more = possibleSum(room, functions, party.possible, action, purpose);
  const high = Uint32Array.from(low.allow);
  addAll(high, more.allow);
  return boundsOf(room, open(low.allow, low.deny, more.deny), open(high, low.deny));
}

function boundsOf({ table }: Room, certain: Bits, possible: Bits): ZoneBounds {
  const setOf = (set: Bits): ZoneBounds['certain'] => ({
    has(zone) {
      const at = table.positionOf.get(zone);
      return at !== undefined && ((set[at >>> 5] ?? 0) & (1 << (at & 31))) !== 0;
    },
  });
  const text = (set: Bits): string => Buffer.from(set.buffer).toString('latin1');
  return { certain: setOf(certain), possible: setOf(possible), key: certain === possible ? text(certain) : text(certain) + text(possible) };
}

const NO_ZONES: ZoneBounds = { certain: { has: () => false }, possible: { has: () => false }, key: '' };
