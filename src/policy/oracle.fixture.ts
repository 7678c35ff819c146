import { newEnforcer, newModelFromString } from 'casbin';
import { userPrincipals, type Caller } from '../core/caller.ts';
import { TRUSTS, type Label } from '../core/label.ts';
import type { PolicyLine } from '../core/policy-lines.ts';
import type { TenantView } from '../core/ports/catalog.ts';
import { effectiveZone, type PolicyObject } from '../core/zone.ts';
import { policyFunctions } from './functions.ts';
import { modelText, scheme } from './world.fixture.ts';

/** One judge of one party: does policy alone let these principals do this to this object? */
export type Judge = (names: readonly string[], object: PolicyObject, action: string, purpose: string) => boolean;

function columns(lines: readonly PolicyLine[], type: 'p' | 'g'): string[][] {
  return lines.filter((line) => line.type === type).map((line) => [...line.columns]);
}

function reach(names: readonly string[], tenant: string, lines: readonly PolicyLine[]): Set<string> {
  const held = new Set(names);
  for (let before = -1; before !== held.size;) {
    before = held.size;
    for (const [member = '', role = '', of = ''] of columns(lines, 'g')) if (of === tenant && held.has(member)) held.add(role);
  }
  return held;
}

async function enforcer(text: string, p: string[][], g: string[][]) {
  const model = newModelFromString(text);
  const made = await newEnforcer(model);
  const functions = policyFunctions(scheme);
  for (const name of ['holds', 'serves', 'covers', 'speaks'] as const) await made.addFunction(name, functions[name]);
  const [definition, roles] = [model.model.get('p')?.get('p'), model.model.get('g')?.get('g')];
  if (definition === undefined || roles === undefined) throw new Error('no definitions');
  definition.policy = p;
  roles.policy = g;
  await made.buildRoleLinks();
  return made;
}

/** Casbin with the model of this repository over every line there is, other tenants' included. */
export async function plainCasbin(lines: readonly PolicyLine[]): Promise<Judge> {
  const made = await enforcer(modelText, columns(lines, 'p'), []);
  return (names, object, action, purpose) => {
    const held = reach(names, object.tenant, lines);
    return columns(lines, 'p').length > 0 && made.enforceSync({ tenant: object.tenant, held }, object, action, purpose);
  };
}

/** Casbin with its own role links: everything a party is hangs on one made-up name. Good to Casbin's depth of ten. */
export async function casbinWithItsOwnRoles(lines: readonly PolicyLine[], parties: readonly (readonly string[])[]): Promise<Judge> {
  const text = modelText.replace('holds(r.sub, p.who)', 'g(r.sub.name, p.who, p.tenant)');
  const nameOf = (names: readonly string[]): string => `party:${JSON.stringify(names)}`;
  const tenants = new Set(columns(lines, 'p').map((one) => one[1] ?? ''));
  const joins = parties.flatMap((names) => names.flatMap((name) => [...tenants].map((tenant) => [nameOf(names), name, tenant])));
  const made = await enforcer(text, columns(lines, 'p'), [...columns(lines, 'g'), ...joins]);
  return (names, object, action, purpose) =>
    columns(lines, 'p').length > 0 && made.enforceSync({ tenant: object.tenant, name: nameOf(names) }, object, action, purpose);
}

function floorOrCeiling(text: string, eft: string, label: Label): boolean {
  const at = scheme.rank(label.level);
  const level = (name: string): number => scheme.levels.findIndex((one) => one === name);
  if (text === '*') return true;
  if (eft === 'allow') {
    const [top = '', ...cleared] = text.replace('upto:', '').split('+');
    return at <= level(top) && label.compartments.every((one) => cleared.includes(one));
  }
  return text.split('|').some((part) => {
    if (part.startsWith('from:')) return at >= level(part.slice(5));
    return part
      .slice(4)
      .split('+')
      .some((one) => label.compartments.includes(one));
  });
}

function trusted(text: string, label: Label): boolean {
  if (text === '*') return true;
  const [form, name] = text.split(':');
  const difference = TRUSTS.indexOf(label.trust) - TRUSTS.findIndex((one) => one === name);
  return form === 'min' ? difference >= 0 : difference <= 0;
}

function lineSpeaks(line: readonly string[], held: ReadonlySet<string>, object: PolicyObject, action: string, purpose: string): boolean {
  const [who = '', tenant, source = '', act, label = '', trust = '', served, eft = ''] = line;
  const covered = source.endsWith('*') ? object.source.startsWith(source.slice(0, -1)) : source === object.source;
  const asked = tenant === object.tenant && held.has(who) && act === action && (served === '*' || served === purpose);
  return asked && covered && floorOrCeiling(label, eft, object.label) && trusted(trust, object.label);
}

/** docs/policy-language.md written down again, sharing no code with the room. */
export function specification(lines: readonly PolicyLine[]): Judge & { denies: Judge } {
  const speaking = (...[names, object, action, purpose]: Parameters<Judge>): string[] => {
    const held = reach(names, object.tenant, lines);
    return columns(lines, 'p')
      .filter((line) => lineSpeaks(line, held, object, action, purpose))
      .map((line) => line[7] ?? '');
  };
  const permits: Judge = (...question) => {
    const effects = speaking(...question);
    return effects.includes('allow') && !effects.includes('deny');
  };
  const denies: Judge = (...question) => speaking(...question).includes('deny');
  return Object.assign(permits, { denies });
}

/** Everything besides policy: switches, sources that are not live, ceilings. */
export function circumstancesPermit(view: TenantView, caller: Caller, object: PolicyObject, action: string): boolean {
  const actor = caller.actor.kind === 'actor' ? caller.actor.principals : [];
  const people = userPrincipals(caller);
  if ([...people, caller.client, ...actor].some((one) => view.off.principals.has(one))) return false;
  if (!['retrieve', 'replay', 'ingest', 'request', 'approve'].includes(action)) return true;
  const source = view.sources.get(object.source);
  if (source?.state !== 'live' || view.off.everything || view.off.sources.has(object.source)) return false;
  if (source.ceiling.kind === 'none' || !['retrieve', 'replay'].includes(action)) return true;
  const readers: readonly string[] = caller.user.kind === 'user' ? people : [caller.client];
  return source.ceiling.principals.some((one) => readers.includes(one));
}

export function objects(view: TenantView): readonly { readonly id: number; readonly object: PolicyObject }[] {
  return [...view.zones.values()].flatMap((zone) => {
    const source = view.sources.get(zone.source);
    return source === undefined ? [] : [{ id: zone.id, object: effectiveZone(scheme, source, zone.declared) }];
  });
}
