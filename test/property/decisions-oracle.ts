import { casbinOracle, type CasbinOracle } from '../support/oracle.ts';
import { COMPARTMENTS, LEVELS, TRUSTS, type CaseCaller, type CaseLabel, type CaseSource, type DecisionCase } from './decisions-case.ts';

/** What `docs/security.md` says, told by Casbin over all lines of both tenants and by plain loops. Knows nothing of `src/`. */
export interface ExpectedRights {
  /** Policy, switches and ceilings: all but the ACL. `zone` as it stands in the case. */
  zone(caller: CaseCaller, zone: number, action: string, purpose: string): boolean;
  /** Everything that a search for text goes by, except what the request narrows itself to. */
  chunk(caller: CaseCaller, chunk: number): boolean;
  /** What the request narrows itself to. */
  wanted(chunk: number): boolean;
}

const NAMES = { own: 'own', other: 'other' } as const;
/** Held by every actor that is asked about, and by nobody else: with deny lines alone Casbin would refuse everything. */
const LENT = 'role:oracle-only';

function higher(order: readonly string[], a: string, b: string): string {
  return order.indexOf(a) >= order.indexOf(b) ? a : b;
}

function effective(source: CaseLabel, declared: CaseLabel): CaseLabel {
  return {
    level: higher(LEVELS, source.level, declared.level),
    compartments: [...new Set([...source.compartments, ...declared.compartments])].sort(),
    trust: higher(TRUSTS, source.trust, declared.trust) === source.trust ? declared.trust : source.trust,
  };
}

const peopleOf = (caller: CaseCaller): readonly string[] =>
  caller.user === undefined ? [] : [caller.user, ...caller.groups, 'everyone', ...(caller.guest ? [] : ['everyone-except-guests'])];
const gateNames = (caller: CaseCaller): readonly string[] => (caller.user === undefined ? [caller.client] : peopleOf(caller));
const allNames = (caller: CaseCaller): readonly string[] => [...peopleOf(caller), caller.client, ...caller.actors];

/** Switches, sources that are gone and ceilings. */
function open(one: DecisionCase, caller: CaseCaller, source: CaseSource, action: string): boolean {
  if (one.off.principals.some((name) => allNames(caller).includes(name))) return false;
  if (action === 'audit' || action === 'label') return true;
  if (source.state === 'deleting' || one.off.everything || one.off.sources.includes(source.id)) return false;
  if (source.ceiling === undefined || !['retrieve', 'replay'].includes(action)) return true;
  return source.ceiling.some((name) => gateNames(caller).includes(name));
}

function within({ restriction }: DecisionCase, source: string, label: CaseLabel): boolean {
  const { sources, minTrust, maxLevel } = restriction;
  if (sources !== undefined && !sources.includes(source)) return false;
  if (minTrust !== undefined && TRUSTS.findIndex((t) => t === label.trust) < TRUSTS.findIndex((t) => t === minTrust)) return false;
  return maxLevel === undefined || LEVELS.findIndex((l) => l === label.level) <= LEVELS.findIndex((l) => l === maxLevel);
}

async function judges(one: DecisionCase): Promise<{ readonly rights: CasbinOracle; readonly denies: CasbinOracle }> {
  const spelt = [
    ...one.lines.map((line) => line.replace(', @,', `, ${NAMES.own},`).replace(/, @$/, `, ${NAMES.own}`)),
    ...one.otherLines.map((line) => line.replace(', @,', `, ${NAMES.other},`).replace(/, @$/, `, ${NAMES.other}`)),
  ];
  const everything = `upto:restricted+${COMPARTMENTS.join('+')}`;
  const lent = Object.values(NAMES).flatMap((tenant) =>
    ['retrieve', 'ingest', 'audit', 'replay', 'label'].map((act) => `p, ${LENT}, ${tenant}, *, ${act}, ${everything}, *, *, allow`),
  );
  const denies = [...spelt.filter((line) => line.startsWith('g,') || line.endsWith(', deny')), ...lent];
  return { rights: await casbinOracle(spelt.join('\n')), denies: await casbinOracle(denies.join('\n')) };
}

export async function expectedRights(one: DecisionCase): Promise<ExpectedRights> {
  const { rights, denies } = await judges(one);
  const sources = new Map(one.sources.map((source) => [source.id, source]));

  function zone(caller: CaseCaller, index: number, action: string, purpose: string): boolean {
    const declared = one.zones[index];
    const source = sources.get(declared?.source ?? '');
    if (declared === undefined || source === undefined || !open(one, caller, source, action)) return false;
    const tenant = caller.other === true ? NAMES.other : NAMES.own;
    const object = { tenant, source: source.id, label: effective(source, declared) };
    const may = (names: readonly string[]): boolean => rights(tenant, names, object, action, purpose);
    if (!may([caller.client])) return false;
    if (caller.user !== undefined && !may(peopleOf(caller))) return false;
    return caller.actors.length === 0 || denies(tenant, [...caller.actors, LENT], object, action, purpose);
  }

  function chunk(caller: CaseCaller, index: number): boolean {
    const found = one.chunks[index];
    const declared = one.zones[found?.zone ?? -1];
    const source = sources.get(declared?.source ?? '');
    if (found === undefined || declared === undefined || source === undefined) return false;
    if (found.deny.some((name) => allNames(caller).includes(name))) return false;
    if (found.gates.length === 0 || !found.gates.every((gate) => gate.some((name) => gateNames(caller).includes(name)))) return false;
    return zone(caller, found.zone, 'retrieve', one.purpose);
  }

  function wanted(index: number): boolean {
    const declared = one.zones[one.chunks[index]?.zone ?? -1];
    const source = sources.get(declared?.source ?? '');
    return declared !== undefined && source !== undefined && within(one, source.id, effective(source, declared));
  }

  return { zone, chunk, wanted };
}
