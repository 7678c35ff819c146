import type { Caller } from '../core/caller.ts';
import type { ZoneId } from '../core/ids.ts';
import { neutralLabel, type LabelScheme } from '../core/label.ts';
import type { PolicyLine } from '../core/policy-lines.ts';
import type { TenantView } from '../core/ports/catalog.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import { EVERYONE } from '../core/principal.ts';
import type { Source, Zone } from '../core/zone.ts';
import { parseCaseFile, WHOLE_TENANT, type CaseFile, type PolicyCase } from './case-file.ts';

export interface CaseResult {
  readonly file: string;
  readonly who: string;
  readonly action: string;
  readonly purpose: string;
  readonly zone: string;
  readonly expected: string;
  readonly actual: string;
  /** The lines that permitted, or why it was refused. */
  readonly because: string;
  readonly passed: boolean;
}

interface Outcome {
  readonly actual: string;
  readonly because: string;
}

interface Ground {
  readonly policy: PolicyPort;
  readonly file: CaseFile;
  readonly view: TenantView;
  readonly zoneIds: ReadonlyMap<string, ZoneId>;
}

function lookUp<T>(map: ReadonlyMap<string, T>, key: string, kind: string): T {
  const found = map.get(key);
  if (found === undefined) throw new Error(`a case names the ${kind} "${key}", which the file does not define`);
  return found;
}

/** A tenant that holds just the zones of the file: nothing is switched off and no source has a ceiling. */
function groundOf(policy: PolicyPort, scheme: LabelScheme, lines: readonly PolicyLine[], file: CaseFile): Ground {
  const { tenant } = file;
  const label = neutralLabel(scheme);
  const sources = [...file.zones.values()].map(({ source }): Source => {
    return { tenant, id: source, title: source, owner: EVERYONE, label, ceiling: { kind: 'none' }, revision: 1, state: 'live' };
  });
  const zones = [...file.zones].map(([name, zone], index) => ({
    name,
    zone: { id: (index + 1) as ZoneId, source: zone.source, declared: zone.label },
  }));
  const view: TenantView = {
    tenant,
    generation: 1,
    scheme,
    policy: { id: 'cases', lines },
    sources: new Map(sources.map((source) => [source.id, source])),
    zones: new Map(zones.map(({ zone }): [ZoneId, Zone] => [zone.id, zone])),
    off: { everything: false, sources: new Set(), principals: new Set() },
    collections: new Map(),
    grants: new Map(),
  };
  return { policy, file, view, zoneIds: new Map(zones.map(({ name, zone }) => [name, zone.id])) };
}

function judge(ground: Ground, caller: Caller, one: PolicyCase, purpose: string, zone: string): Outcome {
  const { policy, view } = ground;
  if (zone === WHOLE_TENANT) {
    if (one.action !== 'administer' && one.action !== 'audit') throw new Error('only administer and audit are asked of the tenant');
    const verdict = policy.permitsTenant(view, caller, one.action);
    return { actual: verdict.kind, because: verdict.kind === 'permit' ? verdict.rules.join(' ') : verdict.reason };
  }
  const id = lookUp(ground.zoneIds, zone, 'zone');
  const decision = policy.decide(view, caller, one.action, purpose);
  const first = decision.kind === 'zones' && decision.zones.includes(id) ? 'permit' : 'refuse';
  const second = policy.confirm(view, caller, id, one.action, purpose);
  if (first !== second.kind) return { actual: 'the two keys disagree', because: `compiled: ${first}, Casbin: ${second.kind}` };
  return { actual: first, because: second.kind === 'permit' ? second.rules.join(' ') : second.reason };
}

function writes(ground: Ground, caller: Caller, zone: string): Outcome {
  const { source, label } = lookUp(ground.file.zones, zone, 'zone');
  const trust = ground.policy.writerTrust(ground.view, caller, { tenant: ground.view.tenant, source, label });
  return { actual: trust.kind === 'none' ? 'none' : trust.trust, because: 'writer trust' };
}

function runCase(ground: Ground, name: string, one: PolicyCase): readonly CaseResult[] {
  const caller = lookUp(ground.file.callers, one.who, 'caller');
  const purpose = one.purpose ?? ground.policy.purposes[0] ?? '';
  const result = (action: string, zone: string, expected: string, outcome: Outcome): CaseResult => {
    return { file: name, who: one.who, action, purpose, zone, expected, ...outcome, passed: outcome.actual === expected };
  };
  return [
    ...one.may.map((zone) => result(one.action, zone, 'permit', judge(ground, caller, one, purpose, zone))),
    ...one.mayNot.map((zone) => result(one.action, zone, 'refuse', judge(ground, caller, one, purpose, zone))),
    ...Object.entries(one.writes).map(([zone, expected]) => result('ingest', zone, expected, writes(ground, caller, zone))),
  ];
}

/**
 * Runs the files of `policies/cases/` against lines that passed `check`. A case passes only where both keys give what it
 * expects. Throws, naming the file, where a file is malformed or names what it does not define.
 */
export function runPolicyCases(input: {
  readonly policy: PolicyPort;
  readonly scheme: LabelScheme;
  readonly lines: readonly PolicyLine[];
  readonly files: readonly { readonly name: string; readonly text: string }[];
}): readonly CaseResult[] {
  return input.files.flatMap(({ name, text }) => {
    const file = parseCaseFile(input.scheme, name, text);
    const ground = groundOf(input.policy, input.scheme, input.lines, file);
    try {
      return file.cases.flatMap((one) => runCase(ground, name, one));
    } catch (error) {
      throw new Error(`${name}: ${error instanceof Error ? error.message : 'failed'}`, { cause: error });
    }
  });
}
