import type { CorpusFile } from './corpus.ts';
import { seededRandom, type Random } from './random.ts';

/** A random deployment: what its policy, sources, documents and people are, in the words of the HTTP API. */
export interface World {
  readonly tenants: readonly string[];
  readonly sources: readonly WorldSource[];
  readonly documents: readonly WorldDocument[];
  readonly people: readonly Person[];
  readonly clients: readonly string[];
  /** policy.csv, all tenants. */
  readonly policy: string;
}

export interface WorldLabel {
  readonly level: string;
  readonly compartments: readonly string[];
  readonly trust: string;
}

export interface WorldSource extends WorldLabel {
  readonly tenant: string;
  readonly source: string;
  readonly title: string;
  readonly owner: string;
  readonly ceiling?: readonly string[];
}

/** A principal, for ever or for a time that holds or does not hold for as long as a test runs. */
export type WorldEntry = string | { readonly principal: string; readonly from?: string; readonly until?: string };

export interface WorldDocument {
  readonly tenant: string;
  readonly source: string;
  readonly document: string;
  readonly text: string;
  readonly acl: { readonly gates: readonly (readonly WorldEntry[])[]; readonly deny: readonly WorldEntry[] };
  readonly level?: string;
  readonly compartments?: readonly string[];
  readonly trust?: string;
  readonly validFrom?: string;
  readonly validUntil?: string;
  readonly metadata: { readonly year: number; readonly kind: string };
}

export interface Person {
  readonly tenant: string;
  readonly sub: string;
  readonly groups: readonly string[];
  readonly employment: 'employee' | 'guest';
}

export const LEVELS = ['public', 'internal', 'confidential', 'restricted'];
export const TRUSTS = ['external', 'internal', 'trusted'];
const COMPARTMENTS = ['people', 'finance', 'legal'];
const GROUPS = ['staff', 'hr', 'finance', 'legal', 'guests', 'board', 'ops'];
const SOURCES = ['hr-guide', 'hr-secret', 'fin-main', 'wiki', 'wiki-ops', 'web'];
const CLIENTS = ['inside', 'outside', 'narrow'];
const ROLES = ['reader', 'people', 'money', 'wide', 'odd'];
export const PURPOSES = ['answer', 'audit', 'customer-support'];
const YEAR_MS = 31_557_600_000;

const group = (name: string): string => `group:test|${name}`;
const user = (sub: string): string => `user:test|${sub}`;
const client = (id: string): string => `client:test|${id}`;

export function randomWorld(seed: number, files: readonly CorpusFile[]): World {
  const random = seededRandom(seed);
  const tenants = ['acme', 'globex'];
  const people = tenants.flatMap((tenant) => randomPeople(random, tenant));
  const sources = tenants.flatMap((tenant) => SOURCES.map((source) => randomSource(random, tenant, source)));
  const documents = files.map((file, index) => randomDocument(random, random.pick(sources), file, index, people));
  const policy = tenants.map((tenant) => randomPolicy(random, tenant, people)).join('\n');
  return { tenants, sources, documents, people, clients: CLIENTS, policy };
}

function randomPeople(random: Random, tenant: string): readonly Person[] {
  // The same subjects in both tenants: only the tenant tells them apart.
  return Array.from({ length: 10 }, (_, index) => ({
    tenant,
    sub: `u${index}`,
    groups: random.some(GROUPS, 0, 4),
    employment: random.chance(0.8) ? 'employee' : 'guest',
  }));
}

export function randomLabel(random: Random): WorldLabel {
  const level = LEVELS[Math.floor(random.next() * random.next() * LEVELS.length)] ?? 'public';
  return { level, compartments: random.chance(0.7) ? [] : random.some(COMPARTMENTS, 1, 2), trust: random.pick(TRUSTS) };
}

function randomSource(random: Random, tenant: string, source: string): WorldSource {
  const label = randomLabel(random);
  const ceiling = random.chance(0.2) ? { ceiling: random.some([...GROUPS.map(group), 'everyone'], 2, 5) } : {};
  return { tenant, source, title: `Source ${source}`, owner: group('board'), ...label, ...ceiling };
}

function sometimes(random: Random): (name: string) => WorldEntry {
  const years = (count: number): string => new Date(Date.now() + count * YEAR_MS).toISOString();
  return (principal) => {
    if (random.chance(0.85)) return principal;
    return random.pick([
      { principal, until: years(-1) },
      { principal, until: years(1) },
      { principal, from: years(1) },
      { principal, from: years(-2), until: years(2) },
    ]);
  };
}

export function randomAcl(random: Random, people: readonly Person[]): WorldDocument['acl'] {
  const some = sometimes(random);
  const names = [...GROUPS.map(group), ...people.slice(0, 4).map(({ sub }) => user(sub)), client('inside'), 'everyone-except-guests'];
  const gate = (): readonly WorldEntry[] => (random.chance(0.45) ? ['everyone'] : random.some(names, 1, 4)).map(some);
  const gates = random.chance(0.03) ? [] : Array.from({ length: random.chance(0.75) ? 1 : 2 + random.below(2) }, gate);
  const deny = random.chance(0.75) ? [] : random.some([...names, client('outside')], 1, 2).map(some);
  return { gates, deny };
}

function randomDocument(random: Random, source: WorldSource, file: CorpusFile, index: number, people: readonly Person[]): WorldDocument {
  const label = random.chance(0.5) ? {} : randomLabel(random);
  const now = Date.now();
  const from = random.chance(0.1) ? { validFrom: new Date(now + (random.chance(0.5) ? YEAR_MS : -YEAR_MS)).toISOString() } : {};
  const until = random.chance(0.1) ? { validUntil: new Date(now + (random.chance(0.5) ? 2 : -0.5) * YEAR_MS).toISOString() } : {};
  const sane = 'validFrom' in from && 'validUntil' in until ? {} : { ...from, ...until };
  return {
    tenant: source.tenant,
    source: source.source,
    document: `${index}:${file.path}`,
    text: file.text,
    acl: randomAcl(random, people),
    ...label,
    ...sane,
    metadata: { year: 2020 + random.below(6), kind: random.pick(['page', 'note', 'policy']) },
  };
}

function randomPolicy(random: Random, tenant: string, people: readonly Person[]): string {
  const lines: string[] = [];
  const upto = (): string =>
    `upto:${random.pick(LEVELS)}${random
      .some(COMPARTMENTS, 0, 3)
      .map((c) => `+${c}`)
      .join('')}`;
  const pattern = (): string => random.pick(['*', '*', ...SOURCES, 'hr-*', 'wi*', 'fin-*']);
  const allow = (who: string): number =>
    lines.push(
      `p, ${who}, ${tenant}, ${pattern()}, retrieve, ${upto()}, ${random.pick(['*', '*', 'min:internal', 'min:trusted'])}, ${random.pick(['*', '*', 'audit'])}, allow`,
    );
  const deny = (who: string): number =>
    lines.push(
      `p, ${who}, ${tenant}, ${pattern()}, retrieve, ${random.pick([`from:${random.pick(LEVELS.slice(1))}`, `any:${random.pick(COMPARTMENTS)}`, '*'])}, ${random.pick(['*', 'max:external'])}, *, deny`,
    );
  for (const role of ROLES) for (let n = 0; n < 1 + random.below(3); n++) allow(`role:${role}`);
  for (const name of GROUPS) lines.push(`g, ${group(name)}, role:${random.pick(ROLES)}, ${tenant}`);
  lines.push(`g, role:wide, role:reader, ${tenant}`, `p, everyone, ${tenant}, *, retrieve, upto:internal, *, *, allow`);
  for (const { sub } of random.some(
    people.filter((p) => p.tenant === tenant),
    2,
    4,
  ))
    deny(user(sub));
  deny(group(random.pick(GROUPS)));
  lines.push(`p, ${client('inside')}, ${tenant}, *, retrieve, upto:restricted+finance+legal+people, *, *, allow`);
  lines.push(`p, ${client('outside')}, ${tenant}, *, retrieve, upto:internal, *, *, allow`);
  allow(client('narrow'));
  lines.push(`p, ${client('outside')}, ${tenant}, *, retrieve, from:confidential, *, *, deny`);
  lines.push(`p, ${client('loader')}, ${tenant}, *, ingest, upto:restricted+finance+legal+people, as:trusted, *, allow`);
  lines.push(`p, ${client('loader')}, ${tenant}, *, label, upto:restricted+finance+legal+people, *, *, allow`);
  return lines.join('\n');
}
