import { readFileSync } from 'node:fs';
import { newEnforcer, newModelFromString, type Enforcer } from 'casbin';
import { LEVELS, TRUSTS, type Person, type WorldDocument, type WorldEntry, type WorldLabel, type WorldSource } from './world.ts';

/**
 * Who may read what, spelt out a second time and straightforwardly: Casbin over all lines of the model, with the matcher's
 * four functions written anew from docs/policy-language.md, and the ACL rules read from the table in docs/security.md.
 * Slow on purpose; shares no code with what it judges.
 */
export interface Oracle {
  mayRead(asker: Asker, document: WorldDocument, now: number): boolean;
  label(document: WorldDocument): WorldLabel;
}

export interface Asker {
  readonly person: Person;
  readonly client: string;
  readonly purpose: string;
}

export interface OracleFacts {
  /** Lines `p, …` and `g, …` as in policy.csv. */
  readonly policy: string;
  readonly source: (tenant: string, source: string) => WorldSource;
  /** Whether an approved request opens the gates of this document's ACL to this person. */
  readonly granted?: (person: Person, document: WorldDocument) => boolean;
}

const MODEL = readFileSync(new URL('../../policies/model.conf', import.meta.url), 'utf8');

export interface Zone {
  readonly tenant: string;
  readonly source: string;
  readonly label: WorldLabel;
}

function speaks(eft: string, label: string, trust: string, { label: zone }: Zone): boolean {
  const level = LEVELS.indexOf(zone.level);
  const trustOf = (text: string): number => TRUSTS.indexOf(text.slice(text.indexOf(':') + 1));
  if (eft === 'allow') {
    const [ceiling = '', ...cleared] = label.replace('upto:', '').split('+');
    const trusted =
      trust === '*' ||
      (trust.startsWith('as:') ? TRUSTS.indexOf(zone.trust) <= trustOf(trust) : TRUSTS.indexOf(zone.trust) >= trustOf(trust));
    return label.startsWith('upto:') && level <= LEVELS.indexOf(ceiling) && zone.compartments.every((c) => cleared.includes(c)) && trusted;
  }
  if (eft !== 'deny') throw new Error(`effect ${eft}`);
  const hit = (term: string): boolean =>
    term.startsWith('from:')
      ? level >= LEVELS.indexOf(term.slice(5))
      : term
          .slice(4)
          .split('+')
          .some((c) => zone.compartments.includes(c));
  return (label === '*' || label.split('|').some(hit)) && (trust === '*' || TRUSTS.indexOf(zone.trust) <= trustOf(trust));
}

async function enforcerFor(lines: readonly (readonly string[])[]): Promise<Enforcer> {
  const enforcer = await newEnforcer(newModelFromString(MODEL));
  for (const [type, ...columns] of lines) if (type === 'p') await enforcer.addPolicy(...columns);
  await enforcer.addFunction('holds', (subject: { held: ReadonlySet<string> }, who: string) => subject.held.has(who));
  await enforcer.addFunction('serves', (wanted: string, purpose: string) => wanted === '*' || wanted === purpose);
  await enforcer.addFunction('covers', (pattern: string, source: string) =>
    pattern.endsWith('*') ? source.startsWith(pattern.slice(0, -1)) : source === pattern,
  );
  await enforcer.addFunction('speaks', speaks);
  return enforcer;
}

function reach(start: readonly string[], tenant: string, lines: readonly (readonly string[])[]): ReadonlySet<string> {
  const held = new Set(start);
  for (let before = -1; before !== held.size;) {
    before = held.size;
    for (const [type, member = '', role = '', domain] of lines) if (type === 'g' && domain === tenant && held.has(member)) held.add(role);
  }
  return held;
}

/** Casbin's answer for whoever starts with these names: may they do this to the zone? */
export type CasbinOracle = (tenant: string, start: readonly string[], zone: Zone, action: string, purpose: string) => boolean;

/** Over all lines, whosever they are. `policy`: lines `p, …` and `g, …` as in policy.csv. */
export async function casbinOracle(policy: string): Promise<CasbinOracle> {
  const lines = policy.split('\n').map((line) => line.split(',').map((column) => column.trim()));
  // Without a line Casbin would evaluate the matcher once with every column empty.
  if (!lines.some(([type]) => type === 'p')) return () => false;
  const enforcer = await enforcerFor(lines);
  const answers = new Map<string, boolean>();
  return (tenant, start, zone, action, purpose) => {
    const key = JSON.stringify([tenant, start, zone, action, purpose]);
    const known = answers.get(key);
    if (known !== undefined) return known;
    const answer = enforcer.enforceSync({ tenant, held: reach(start, tenant, lines) }, zone, action, purpose);
    answers.set(key, answer);
    return answer;
  };
}

export async function createOracle({ policy, source, granted = () => false }: OracleFacts): Promise<Oracle> {
  const casbin = await casbinOracle(policy);

  function label(document: WorldDocument): WorldLabel {
    const above = source(document.tenant, document.source);
    const higher = (a: string, b: string): string => (LEVELS.indexOf(a) >= LEVELS.indexOf(b) ? a : b);
    const lower = (a: string, b: string): string => (TRUSTS.indexOf(a) <= TRUSTS.indexOf(b) ? a : b);
    return {
      level: higher(above.level, document.level ?? 'public'),
      compartments: [...new Set([...above.compartments, ...(document.compartments ?? [])])].sort(),
      trust: lower(above.trust, document.trust ?? 'trusted'),
    };
  }

  function mayRead({ person, client, purpose }: Asker, document: WorldDocument, now: number): boolean {
    const people = [
      `user:test|${person.sub}`,
      ...person.groups.map((name) => `group:test|${name}`),
      'everyone',
      ...(person.employment === 'employee' ? ['everyone-except-guests'] : []),
    ];
    const application = `client:test|${client}`;
    const { ceiling } = source(document.tenant, document.source);
    const counts = (entry: WorldEntry, names: readonly string[]): boolean => {
      if (typeof entry === 'string') return names.includes(entry);
      const { principal, from, until } = entry;
      return (
        names.includes(principal) && (from === undefined || Date.parse(from) <= now) && (until === undefined || now < Date.parse(until))
      );
    };
    const passes = (gate: readonly WorldEntry[]): boolean => gate.some((entry) => counts(entry, people));
    const acl = document.acl.gates.length > 0 && document.acl.gates.every(passes);
    const open = (acl || granted(person, document)) && (ceiling === undefined || passes(ceiling));
    const denied = document.acl.deny.some((entry) => counts(entry, [application, ...people]));
    const timely =
      (document.validFrom === undefined || Date.parse(document.validFrom) <= now) &&
      (document.validUntil === undefined || now < Date.parse(document.validUntil));
    const zone = { tenant: document.tenant, source: document.source, label: label(document) };
    return (
      document.tenant === person.tenant &&
      open &&
      !denied &&
      timely &&
      casbin(person.tenant, people, zone, 'retrieve', purpose) &&
      casbin(person.tenant, [application], zone, 'retrieve', purpose)
    );
  }

  return { mayRead, label };
}
